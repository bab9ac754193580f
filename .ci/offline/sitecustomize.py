"""A machine without a network: with this folder on PYTHONPATH every Python process reaches itself and nobody else.

Kernels and other children inherit the variable. Connections to loopback, and sockets of the file system, stay as they
are.
"""

import ipaddress
import sys


def _is_here(host):
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        name = host.decode() if isinstance(host, bytes) else host
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if not isinstance(address, tuple) or _is_here(address[0]):
            return
    elif event not in ("socket.getaddrinfo", "socket.gethostbyname") or _is_here(arguments[0]):
        return
    raise ConnectionRefusedError(f"no network here: {event} {arguments[-1]!r}")


sys.addaudithook(_refuse)
