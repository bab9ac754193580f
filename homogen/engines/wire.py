"""Requests that end: a total time limit whatever drips in, a limit on the size of a reply, and leaving at once.

Requests run in an event loop, because waiting there can be given up at any moment, and a thread's cannot. The loop has
a thread of its own, because a notebook has one already.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import email.utils
import functools
import logging
import math
import queue
import re
import threading
import zlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import openai

from homogen.engines.replies import Garbage

MOST_BYTES = 32 * 2**20
"""Longest reply; one with the 20 likeliest tokens of 10,000 takes about half of it."""


class BoundedClient(openai.DefaultAsyncHttpxClient):
    """An HTTP client that gives up a request after so many seconds in all, and a reply that is too large.

    It follows no redirect: a request holds a key, and the place it was meant for is the one that was named.

    Parameters
    ----------
    seconds
        From the first byte sent to the last one read. The library's own limits are for each read: a server that sends
        a byte now and then never meets them.
    **options
        Of the library's client.
    """

    def __init__(self, seconds: float, **options: Any) -> None:
        # Of the encodings, only this one can be unpacked up to a limit.
        super().__init__(follow_redirects=False, timeout=None, headers={"accept-encoding": "gzip"}, **options)
        self._seconds = seconds
        # The library logs the whole address of each request.
        self._loggers = [logging.getLogger(name) for name in ("httpx", "httpx2")]
        self._filter = functools.partial(_without_secrets)  # one of its own, as closing takes it away again
        for logger in self._loggers:
            logger.addFilter(self._filter)

    async def aclose(self) -> None:
        """Close all connections."""
        for logger in self._loggers:
            logger.removeFilter(self._filter)
        await super().aclose()

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request; give the response, read to its end.

        Raises
        ------
        Garbage
            If the reply began and was not whole in time, broke off, or is too large; of an error the status stands.
        """
        response, content, fault = None, bytearray(), ""
        try:
            async with asyncio.timeout(self._seconds):
                response = await super().send(request, **{**options, "stream": True, "follow_redirects": False})
                async for part in response.aiter_raw():
                    content += part
                    if len(content) > MOST_BYTES:
                        fault = f"more than {MOST_BYTES:,} bytes"
                        break
        except TimeoutError:
            fault = f"not whole within {self._seconds:g} s"
        except Exception as error:
            if response is None:
                raise
            fault = f"it broke off: {error}"
        finally:
            if response is not None:
                await response.aclose()
        if response is None:
            raise openai.APITimeoutError(request=request)
        if fault and response.is_success:
            raise Garbage(fault)
        kept = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        whole = _unpacked(bytes(content), response.headers.get("content-encoding", ""), response.is_success)
        return type(response)(response.status_code, headers=kept, content=whole, request=request)


def _without_secrets(record: logging.LogRecord) -> bool:
    """Take user, password and query out of the addresses in a line of a log; let it pass."""
    record.msg, record.args = re.sub(r"(?<=//)[^/\s@]*@|\?\S*", "", record.getMessage()), ()
    return True


def _unpacked(content: bytes, encoding: str, needed: bool) -> bytes:
    """The content of a reply; what is packed in a way that was not asked for is none."""
    if encoding.strip().lower() in ("", "identity"):
        return content
    try:
        if encoding.strip().lower() not in ("gzip", "x-gzip"):
            raise Garbage(f"packed as {encoding!r}, which was not asked for")
        content = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(content, MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise Garbage(f"more than {MOST_BYTES:,} bytes")
    except (Garbage, zlib.error) as error:
        if needed:
            raise Garbage(error) from None
        return b""
    return content


class _Failed:
    """An error on its way from the loop's thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


def from_loop(work: Callable[[Callable[[Any], None]], Coroutine]) -> Iterator[Any]:
    """Give what a coroutine puts, as it comes; whoever leaves early, by an error or Ctrl-C, does not wait for it.

    ``work`` is called with ``put``; its coroutine runs in an event loop of its own and is cancelled when the iterator
    closes.
    """
    items: queue.SimpleQueue = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(work(items.put))

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            items.put(_Failed(error))
        finally:
            rest = asyncio.all_tasks(loop)
            for other in rest:
                other.cancel()
            with contextlib.suppress(BaseException):
                loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
                loop.run_until_complete(loop.shutdown_asyncgens())
            with contextlib.suppress(BaseException):
                # A request that is given up between two steps of the library leaves its connection open.
                for transport in list(getattr(loop, "_transports", {}).values()):
                    transport.abort()
                for _ in range(5):  # a transport lets go of its socket in a later turn than it was told to
                    loop.run_until_complete(asyncio.sleep(0))
            loop.close()
            items.put(_END)

    thread = threading.Thread(target=run, name="homogen-requests", daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(task.cancel)
        # Its sockets are closed in a moment. What cannot be given up, a name that is being looked up, is left behind.
        thread.join(1.0)


# --- refusals and waits ----------------------------------------------------------------------------------------------


def message_of(error: openai.APIStatusError) -> str:
    """What a refusal says, wherever in its body."""
    body = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    if isinstance(body, dict):
        body = body.get("message") or body
    try:
        return str(body or error.message)
    except RecursionError:
        return error.message


def passing(error: openai.APIStatusError) -> bool:
    """Whether a refusal may be over soon. A quota that is used up answers 429 too, for good."""
    used_up = error.status_code == 429 and "insufficient_quota" in f"{error.code} {error.type} {error.body}"
    return not used_up and (error.status_code in (408, 409, 429) or error.status_code >= 500)


def nobody(cause: BaseException | None) -> bool:
    """Whether nobody took the connection: told by the name, as the library has had more than one HTTP client."""
    return type(cause).__name__ == "ConnectError"


def retry_after(error: openai.APIStatusError) -> float:
    """Seconds that the server asks to wait: a number, or a date."""
    said = error.response.headers.get("retry-after", "")
    try:
        return max(0.0, float(said)) if math.isfinite(float(said)) else 0.0
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    now = datetime.datetime.now(datetime.UTC)
    return max(0.0, (when.replace(tzinfo=when.tzinfo or datetime.UTC) - now).total_seconds())
