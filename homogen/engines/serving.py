"""A local server that speaks OpenAI's protocol, for tests, lessons and machines without a commercial one.

It is ``transformers serve`` in a process of its own, with one model. Four things to know about it: it answers one
request after the other; unless a request brings a whole ``generation_config`` it takes ``do_sample`` and top-k from
the model's folder (many folders say nothing, which means greedy answers at any temperature, and top-k 50 where they
do sample); it ignores a request for log-probabilities without saying so; and it refuses fields that it does not know.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from homogen.engines.endings import Prompt
from homogen.models.devices import pick_device
from homogen.models.memory import default_dtype, size_at
from homogen.models.weights import resolve_weights, revision_of
from homogen.records import BadInput, Response, SamplingSpec

# Standard input is a pipe that nobody writes to: it ends when this process does, however it dies, and the server
# with it. Nobody is left with a server that holds the memory of a model.
_CHILD = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from transformers.cli.transformers import app
app()
"""


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server.

    Parameters
    ----------
    base_url
        Where it answers, ending in ``/v1``.
    model
        The id to send as ``model``.
    revision
        What identifies the weights: their sha256, or None for a model of the hub.
    """

    base_url: str
    model: str
    revision: str | None = None

    def engine(self, **options: Any):
        """Make the engine that asks this server: one request at a time, with all sampling options passed on.

        Other options of :class:`homogen.engines.OpenAIEngine` win over these.
        """
        from homogen.engines.openai import OpenAIEngine

        # Seeds are set for the whole server: a second request at the same time would draw from the first one's.
        given = {"dialect": "transformers", "concurrency": 1, "api_key_env": None, "revision": self.revision}
        return OpenAIEngine(self.model, self.base_url, **{**given, **options})


class Standby:
    """A server that is started by the first question, so that answers which the store keeps need none, nor weights.

    Parameters
    ----------
    model, device, defaults
        As in :func:`serve`.

    Examples
    --------
    >>> with Standby("smollm2-135m-instruct", defaults={"top_k": 40}) as server:
    ...     engine = server.engine(dialect="openai")
    >>> engine.identity["server defaults"]
    {'top_k': 40}
    """

    def __init__(self, model: str, device: str = "auto", defaults: Mapping[str, Any] | None = None) -> None:
        self.model, self.device, self.defaults = model, device, dict(defaults or {})
        self._open = contextlib.ExitStack()
        self._server: Server | None = None

    def __enter__(self) -> Standby:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._server = None

    def server(self) -> Server:
        """The server, started if it is not running; it ends with the ``with`` block."""
        if self._server is None:
            self._server = self._open.enter_context(serve(self.model, device=self.device, defaults=self.defaults))
        return self._server

    def engine(self, **options: Any) -> StandbyEngine:
        """Make the engine that asks the server, with options of :class:`homogen.engines.OpenAIEngine`."""
        return StandbyEngine(self, options)


class StandbyEngine:
    """An engine whose server is started by the first question; what it is, it knows before."""

    def __init__(self, standby: Standby, options: Mapping[str, Any]) -> None:
        self._standby, self._options = standby, options
        nowhere = Server("http://127.0.0.1:9/v1", standby.model, revision_of(standby.model)).engine(**options)
        self.batch_rows = nowhere.batch_rows
        self.identity = dict(nowhere.identity)
        if standby.defaults:
            self.identity["server defaults"] = standby.defaults

    def generate(self, prompts: Sequence[Prompt], spec: SamplingSpec) -> Iterator[Response]:
        """Answer prompts, as :class:`~homogen.sampling.Engine` says."""
        yield from self._standby.server().engine(**self._options).generate(prompts, spec)


@contextlib.contextmanager
def serve(
    model: str,
    port: int | None = None,
    device: str = "auto",
    timeout: float = 180,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[Server]:
    """Serve a model on this machine for the length of a ``with`` block.

    Parameters
    ----------
    model
        A card's name, a folder, or a hub id ``owner/name``, as in :func:`homogen.models.load_model`.
    port
        On 127.0.0.1; None takes a free one.
    device
        ``"auto"``, ``"cpu"`` (float32) or ``"cuda"`` (bfloat16), as when the model is loaded in this process.
    timeout
        Seconds until it must answer.
    defaults
        What the server does with a request that does not say otherwise, by the names of transformers'
        ``GenerationConfig``: ``{"do_sample": True, "top_k": 40}``. They are laid over those of the model's folder.

    Yields
    ------
    Server
        Ready to answer. The process ends with the block, also after an error in it.

    Raises
    ------
    BadInput
        If the model is unknown, the extra ``serve`` is not installed, the port is taken, or the server ends or says
        nothing within ``timeout``; the message ends in the last line of its log. With ``defaults``, also if the weights
        lie in no folder.

    Examples
    --------
    >>> with serve("smollm2-135m-instruct") as server:          # doctest: +SKIP
    ...     run = hg.sample(questions, spec, engine=server.engine())
    """
    device = pick_device(device)
    dtype = default_dtype(device, size_at(model))
    weights, revision = resolve_weights(model, dtype)
    for package in ("fastapi", "uvicorn", "openai"):
        if importlib.util.find_spec(package) is None:
            raise BadInput(f"serving a model needs {package}; run: pip install 'homogen[serve]'")
    port = port or _free_port()
    environment = {**os.environ, "TQDM_DISABLE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    if revision is not None:
        environment["HF_HUB_OFFLINE"] = "1"  # all it needs is in the folder
    flags = ["--host", "127.0.0.1", "--port", str(port), "--device", device, "--dtype", dtype]
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        if defaults:
            weights = _with_defaults(weights, defaults, Path(folder))
        command = [sys.executable, "-c", _CHILD, "serve", weights, *flags]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment)
        try:
            _wait(process, port, model, timeout, log)
            yield Server(f"http://127.0.0.1:{port}/v1", weights, revision)
        finally:
            _end(process)


def _with_defaults(weights: str, defaults: Mapping[str, Any], folder: Path) -> str:
    """A folder of links to a model's files, whose generation config has other defaults."""
    if not Path(weights).is_dir():
        raise BadInput(f"a server of {weights!r} can have no defaults of its own: its weights lie in no folder")
    name = "generation_config.json"
    for path in Path(weights).iterdir():
        if path.name != name:
            (folder / path.name).symlink_to(path.resolve())
    own = json.loads((Path(weights) / name).read_text("utf-8")) if (Path(weights) / name).is_file() else {}
    (folder / name).write_text(json.dumps({**own, **defaults}), "utf-8")
    return str(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(process: subprocess.Popen, port: int, model: str, timeout: float, log) -> None:
    deadline = time.monotonic() + timeout
    # A machine's proxy has no business between this process and its own server.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        answers = False
        with (
            contextlib.suppress(OSError, urllib.error.URLError),
            direct.open(f"http://127.0.0.1:{port}/health", timeout=2) as reply,
        ):
            answers = reply.status == 200
        # In this order: on a port that is taken, somebody else answers and ours has ended.
        if process.poll() is not None:
            raise BadInput(f"the server of {model!r} ended with code {process.returncode}: {_tail(log)}")
        if answers:
            return
        if time.monotonic() > deadline:
            raise BadInput(f"the server of {model!r} did not answer within {timeout:g} s: {_tail(log)}")
        time.sleep(0.1)


def _tail(log) -> str:
    """The last telling line of a log."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - 4000))
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip(" ╭╰─╮╯│\t")]
    telling = [line for line in lines if "error" in line.lower()]
    return " ".join((telling or lines or ["(its log is empty)"])[-1].split())[:300]


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
