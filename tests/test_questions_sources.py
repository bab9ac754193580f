"""Pinned files: where they are looked for, how they are fetched, and what wrong bytes and missing networks get."""

import contextlib
import dataclasses
import doctest
import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from homogen.questions import sources
from homogen.questions.sources import SOURCES, available, data_folder, fetch, whereabouts
from homogen.records import BadInput

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("HOMOGEN_DATA") or "no data")
NAME = "benchmarks/made_up.jsonl"
BYTES = b'{"text": "A?"}\n' * 500


@pytest.fixture(autouse=True)
def _nothing_at_hand(tmp_path, monkeypatch):
    """No data folder, and an empty cache."""
    monkeypatch.delenv("HOMOGEN_DATA", raising=False)
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the server's ``does`` says; keeps a list of what was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        does, body = self.server.does, self.server.body
        if does == "hang":
            self.server.over.wait(30)
            return
        if does == "not found":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) * (2 if does == "break off" else 1)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that gives one made-up source."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        served.does, served.body, served.asked, served.over = "well", BYTES, [], threading.Event()
        url = f"http://127.0.0.1:{served.server_address[1]}/owner/repository/commit/made_up.jsonl"
        digest = hashlib.sha256(BYTES).hexdigest()
        home = "https://github.com/owner/repository"
        monkeypatch.setitem(SOURCES, NAME, sources.Source(NAME, url, digest, "MIT", "", home))
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.over.set()
        served.shutdown()
        thread.join()


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The user's data folder, with the made-up file in it."""
    path = tmp_path / "mine" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(BYTES)
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path / "mine"))
    return path


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def refused(call, *parts):
    """The one line that a call fails with, which has all these parts."""
    with pytest.raises(BadInput) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message
    return message


def test_doctests():
    result = doctest.testmod(sources)
    assert result.attempted >= 4
    assert result.failed == 0


# The list


def test_every_source_is_pinned():
    for name, source in SOURCES.items():
        assert source.name == name
        assert re.fullmatch(r"(benchmarks|published)/[\w.-]+\.(csv|jsonl?)", name)
        assert re.fullmatch(r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/[\w./-]+", source.url)
        assert re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert source.licence in {"MIT", "Apache-2.0", "CC-BY-4.0", "CC-BY-SA-4.0"}
        assert source.home.startswith("https://github.com/")
    assert len({source.url for source in SOURCES.values()}) == len(SOURCES) == 21


def test_every_source_is_in_the_books_bibliography():
    keys = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text("utf-8"), re.MULTILINE))
    assert {source.citation for source in SOURCES.values()} <= keys


def test_a_source_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        next(iter(SOURCES.values())).url = "elsewhere"


@pytest.mark.skipif(not (DATA / "SHA256SUMS").is_file(), reason="the public files are not on this machine")
def test_the_public_files_are_the_pinned_ones(monkeypatch):
    listed = dict(reversed(line.split()) for line in (DATA / "SHA256SUMS").read_text().splitlines())
    assert {name.removeprefix("./"): digest for name, digest in listed.items()} == {
        source.name: source.sha256 for source in SOURCES.values()
    }
    monkeypatch.setenv("HOMOGEN_DATA", str(DATA))
    for name in SOURCES:
        assert available(name)
        assert fetch(name) == DATA.absolute() / name


@pytest.mark.parametrize("ask", [fetch, available, whereabouts])
def test_an_unknown_name_is_refused_with_what_comes_near(ask):
    message = refused(lambda: ask("benchmarks/truthfulqa.cvs"), "unknown public file")
    assert "did you mean 'benchmarks/truthfulqa.csv'" in message


# The user's own folder


def test_a_file_in_the_users_folder_is_taken_and_nothing_asked_for(own, server, tmp_path):
    assert available(NAME)
    assert fetch(NAME) == own
    assert whereabouts(NAME) == f"at hand in {tmp_path / 'mine'}"
    assert server.asked == []
    assert not (tmp_path / "cache").exists()


def test_the_users_folder_may_be_relative_or_in_the_home_folder(own, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOMOGEN_DATA", "mine")
    assert fetch(NAME) == own
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HOMOGEN_DATA", "~/mine")
    assert fetch(NAME) == own


def test_without_a_folder_there_is_none(monkeypatch):
    assert data_folder() is None
    monkeypatch.setenv("HOMOGEN_DATA", "")
    assert data_folder() is None


@pytest.mark.parametrize("bad", [BYTES + b"\n", BYTES[:-1], b""], ids=["longer", "shorter", "empty"])
def test_another_file_in_the_users_folder_is_refused_not_replaced(own, server, bad):
    own.write_bytes(bad)
    assert not available(NAME)
    digests = (hashlib.sha256(b).hexdigest() for b in (bad, BYTES))
    refused(lambda: fetch(NAME), str(own), *digests, "replace it by http://127.0.0.1")
    assert whereabouts(NAME) == f"refused: {own} is not the published file"
    assert own.read_bytes() == bad
    assert server.asked == []


def test_another_file_in_the_users_folder_is_refused_even_if_the_cache_has_the_right_one(own, server, monkeypatch):
    monkeypatch.delenv("HOMOGEN_DATA")
    fetch(NAME)
    monkeypatch.setenv("HOMOGEN_DATA", str(own.parent.parent))
    own.write_bytes(b"another")
    assert not available(NAME)
    refused(lambda: fetch(NAME), "is not the published file")


def test_a_folder_in_place_of_a_file_counts_as_none(own, server):
    own.unlink()
    own.mkdir()
    assert not available(NAME)
    assert fetch(NAME).read_bytes() == BYTES
    assert server.asked


def test_a_file_that_cannot_be_read_is_named(own, server, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", forbidden)
    assert f"cannot read {own}: Permission denied" in refused(lambda: fetch(NAME))


# Each file is hashed once


@pytest.fixture
def hashed(monkeypatch):
    calls = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: calls.append(given) or digest(*given))
    return calls


def test_a_file_is_hashed_once_and_again_when_it_has_changed(own, server, hashed):
    for _ in range(3):
        assert available(NAME)
        fetch(NAME)
    assert len(hashed) == 1
    own.write_bytes(b"x" * len(BYTES))
    os.utime(own, ns=(0, 12345))  # a clock that is too coarse must not hide the change from this test
    refused(lambda: fetch(NAME), "is not the published file")
    assert len(hashed) == 2


# Download and cache


def test_a_file_is_downloaded_once_and_nothing_else_is_left(server, tmp_path):
    assert not available(NAME)
    assert whereabouts(NAME) == "downloaded when first asked for, from github.com/owner/repository"
    path = fetch(NAME)
    assert path == tmp_path / "cache" / "data" / NAME
    assert path.read_bytes() == BYTES
    assert fetch(NAME) == path
    assert available(NAME)
    assert whereabouts(NAME) == f"at hand in {tmp_path / 'cache' / 'data'}"
    assert server.asked == ["/owner/repository/commit/made_up.jsonl"]
    assert files(tmp_path / "cache") == [f"data/{NAME}"]


def test_without_a_cache_of_ones_own_it_is_the_users(server, monkeypatch, tmp_path):
    import platformdirs

    monkeypatch.delenv("HOMOGEN_CACHE")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / "user" / name))
    assert fetch(NAME) == tmp_path / "user" / "homogen" / "data" / NAME


def test_a_damaged_copy_in_the_cache_is_warned_about_and_fetched_again(server):
    path = fetch(NAME)
    path.write_bytes(BYTES[:100])
    assert not available(NAME)
    with pytest.warns(UserWarning, match=rf"{re.escape(str(path))} does not match its checksum; it is fetched again"):
        assert fetch(NAME) == path
    assert path.read_bytes() == BYTES
    assert len(server.asked) == 2


def test_a_damaged_copy_without_a_network_is_an_error(server):
    path = fetch(NAME)
    path.write_bytes(BYTES[:100])
    server.does = "not found"
    with pytest.warns(UserWarning, match="does not match its checksum"):
        refused(lambda: fetch(NAME), "cannot fetch", str(path))


def test_a_download_shows_a_bar_and_nothing_else(server, monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE")
    fetch(NAME)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{NAME}:" in err
    assert "Downloading" not in err


def test_a_bar_can_be_switched_off(server, capsys):
    fetch(NAME)
    assert capsys.readouterr() == ("", "")


WRONG = {
    "not found": "the server answers 404 Not Found",
    "break off": "the download broke off before the file was whole",
    "hang": "the server says nothing for 30 seconds",
}


@pytest.mark.parametrize("does", WRONG)
def test_a_server_that_fails_is_reported_with_the_place_for_the_file(does, server, tmp_path, monkeypatch):
    import requests

    get = requests.get
    monkeypatch.setattr(requests, "get", lambda url, timeout, **options: get(url, timeout=timeout / 150, **options))
    server.does = does
    url, place = SOURCES[NAME].url, tmp_path / "cache" / "data" / NAME
    refused(lambda: fetch(NAME), f"cannot fetch {NAME} from {url}: {WRONG[does]}; put the file at {place} (or at")
    assert files(tmp_path) == []


def test_other_bytes_are_not_kept(server, tmp_path):
    server.body = BYTES.replace(b"A", b"B")
    refused(lambda: fetch(NAME), "what came has another sha256 than the published file", "put the file at")
    assert files(tmp_path) == []


def test_a_truncated_body_that_claims_to_be_whole_is_not_kept(server, tmp_path):
    server.body = BYTES[:-200]
    refused(lambda: fetch(NAME), "what came has another sha256")
    assert files(tmp_path) == []


def unreachable(monkeypatch, url="http://127.0.0.1:9/owner/repository/commit/made_up.jsonl"):
    digest = hashlib.sha256(BYTES).hexdigest()
    monkeypatch.setitem(SOURCES, NAME, sources.Source(NAME, url, digest, "MIT", "", ""))


def test_without_a_network_the_users_folder_is_named_in_full(tmp_path, monkeypatch):
    unreachable(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOMOGEN_DATA", "mine")
    message = refused(lambda: fetch(NAME), "no connection", SOURCES[NAME].url)
    assert message.endswith(f"put the file at {tmp_path / 'mine' / NAME}")


def test_without_a_network_and_a_folder_both_places_are_named_and_work(tmp_path, monkeypatch):
    unreachable(monkeypatch)
    message = refused(lambda: fetch(NAME), "no connection")
    assert message.endswith(f"(or at {NAME} in a folder that HOMOGEN_DATA names)")
    place = Path(re.search(r"put the file at (\S+)", message)[1])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(BYTES)
    assert fetch(NAME) == place


@pytest.mark.parametrize("error", ["SSLError", "ConnectTimeout", "TooManyRedirects"])
def test_other_troubles_have_words_of_their_own(error, monkeypatch):
    import requests

    def fail(*_, **__):
        raise getattr(requests.exceptions, error)("line one\nline two")

    unreachable(monkeypatch)
    monkeypatch.setattr(requests, "get", fail)
    words = {"SSLError": "certificate", "ConnectTimeout": "says nothing for", "TooManyRedirects": "broke off"}
    assert words[error] in refused(lambda: fetch(NAME))


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    message = refused(lambda: fetch(NAME), "set HOMOGEN_CACHE")
    assert f"cannot keep {NAME} in {tmp_path / 'cache'}" in message
    assert (tmp_path / "cache").read_text() == "in the way", "what stands there is left alone"


def test_a_full_disk_leaves_nothing(server, tmp_path, monkeypatch):
    import pooch

    def full(self, url, output_file, *_):
        Path(output_file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    refused(lambda: fetch(NAME), "cannot keep", "No space left on device", "make room")
    assert files(tmp_path) == []


def test_an_interruption_leaves_nothing(server, tmp_path, monkeypatch):
    import pooch

    def interrupt(self, url, output_file, *_):
        Path(output_file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        fetch(NAME)
    assert files(tmp_path) == []


def test_two_at_once_both_get_the_file(server, tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch(NAME).read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [BYTES] * 4
    assert files(tmp_path / "cache") == [f"data/{NAME}"]


def test_what_downloads_is_loaded_when_needed_only():
    code = (
        "import sys, homogen.questions.sources as s; [s.available(n) for n in s.SOURCES]; "
        "print(sorted({'pooch', 'requests', 'tqdm', 'pandas', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
