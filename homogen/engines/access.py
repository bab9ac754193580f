"""Where a server is and with which key it is asked, and that nothing secret of either is shown or stored.

What is shorter than 8 characters is taken for no secret: it stays in answers, and from 4 on is hidden in errors.
"""

from __future__ import annotations

import base64
import json
import os
import re
import urllib.parse

from homogen.records import BadInput

SHORTEST_SECRET = 8
"""Letters; what is shorter (``EMPTY``, ``ollama``) hides nothing, and may well be a word of an answer."""

SHORTEST_IN_ERRORS = 4
"""In the line of an error less is lost by hiding a word."""


class Access:
    """An address and the name of the environment variable that holds its key.

    Parameters
    ----------
    url
        With all that it carries: user, password, query.
    key_name
        None where no key is sent.

    Attributes
    ----------
    public : str
        The address without user, password and query.

    Raises
    ------
    BadInput
        If the address is none, the name can be none, or the variable holds what can be no key; no message shows it.
    """

    def __init__(self, url: str, key_name: str | None) -> None:
        self.url, self.public = url, public(url)
        # Who mistakes this for the place of the key itself is not to read it in an error.
        if key_name is not None and not re.fullmatch(r"[A-Za-z_]\w*", str(key_name), re.ASCII):
            raise BadInput("api_key_env must be the name of an environment variable that holds the key")
        self.key_name = key_name
        self.key()

    def key(self) -> str | None:
        """The key, read anew; None where there is none."""
        if self.key_name is None:
            return None
        key = os.environ.get(self.key_name)
        if not key and urllib.parse.urlsplit(self.url).hostname == "api.openai.com":
            raise BadInput(f"no key: set the environment variable {self.key_name} to the key of {self.public}")
        if key and not re.fullmatch(r"[!-~]+", key):
            raise BadInput(
                f"the environment variable {self.key_name} holds no key: there is white space, a line break, a control "
                "character or a non-ASCII one in it; set it again to the key alone"
            )
        return key or None

    def request_url(self) -> str:
        """The address without its query, which goes along with each request (:meth:`query`)."""
        return urllib.parse.urlunsplit((*urllib.parse.urlsplit(self.url)[:3], "", ""))

    def query(self) -> list[tuple[str, str]]:
        """The fields of the address's query."""
        return urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url).query, keep_blank_values=True)

    def secrets(self, least: int = SHORTEST_SECRET) -> list[str]:
        """What must not be shown, of so many letters at least, as it is and as a server may spell it; longest first."""
        parts = urllib.parse.urlsplit(self.url)
        user, password = parts.username or "", parts.password or ""
        given = [self.key() or "", password or user]
        if user or password:
            plain = f"{urllib.parse.unquote(user)}:{urllib.parse.unquote(password)}"
            given.append(base64.b64encode(plain.encode()).decode())
        # A version is a date: no secret, and a likely answer.
        given += [value for name, value in self.query() if "version" not in name.lower()]
        spelled = set()
        for secret in {*given, *map(urllib.parse.unquote, given)}:
            quoted = json.dumps(secret)[1:-1]
            spelled |= {secret, quoted, quoted.replace("/", "\\/"), urllib.parse.quote(secret, ""), repr(secret)[1:-1]}
        return sorted((s for s in spelled if len(s) >= least), key=len, reverse=True)

    def within(self, text: str) -> bool:
        """Whether a text holds a secret."""
        return any(secret in text for secret in self.secrets())

    def hide(self, text: str, least: int = SHORTEST_SECRET) -> str:
        """Put "…" in the place of each secret, and of the beginning of one at the text's end, where a limit cut it."""
        for secret in self.secrets(least):
            text = text.replace(secret, "…")
            for length in range(len(secret) - 1, SHORTEST_SECRET - 1, -1):
                if text.endswith(secret[:length]):
                    text = text[:-length] + "…"
                    break
        return text

    def line(self, text: object) -> str:
        """One short line without secrets, and without what a terminal or a file would stumble over."""
        said = str(text).replace(self.url, self.public)
        # Cut last: of a key that lies across the cut, a half would be left.
        line = " ".join(self.hide(said, SHORTEST_IN_ERRORS).split())[:300]
        return "".join(letter if letter.isprintable() else "\ufffd" for letter in line)


def public(url: str) -> str:
    """An address without user, password and query; :class:`BadInput`, which does not show it, if it is none.

    Examples
    --------
    >>> public("http://me:secret@[::1]:8000/v1/?token=secret")
    'http://[::1]:8000/v1'
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
        sound = parts.scheme in ("http", "https") and host and not re.search(r"[\s\x00-\x1f\x7f]", url)
    except (ValueError, AttributeError, TypeError):
        sound = False
    if not sound:
        raise BadInput("base_url must be an address such as 'http://127.0.0.1:8000/v1'")
    host = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def redirected(url: str, location: str) -> str:
    """The address that a redirect of a request to this one leads to; an empty string if it is none.

    Examples
    --------
    >>> redirected("http://a.org/v1", "https://a.org/v1/chat/completions?token=secret")
    'https://a.org/v1'
    """
    try:
        where = public(urllib.parse.urljoin(url, location)) if location else ""
    except ValueError:
        return ""
    return re.sub(r"/(chat/)?completions$", "", where)
