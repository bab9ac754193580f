"""Public files that the project reads: benchmarks, and the paper's released results, each pinned by commit and sha256.

None of them comes with the package. :func:`fetch` gives a file's path: from the folder that ``$HOMOGEN_DATA`` names,
from the cache (``$HOMOGEN_CACHE``, else the user's cache folder), or from its public home, in this order. Wherever it
was, its bytes are those of the checksum, or there is an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homogen.records import BadInput, unknown
from homogen.records.files import file_digest

_GITHUB = "https://github.com"
_RAW = "https://raw.githubusercontent.com"
_ARTIFACTS = ("DigitLion/ucbd-experiment", "c37e1517bc2027c7688d21386d03065e6f8c1441")
_WEBQUESTIONS = ("brmson/dataset-factoid-webquestions", "668890853388010fe6ae9a5eb035a7917b88933b")
_GSM8K = ("openai/grade-school-math", "3101c7d5072418e28b9008a6636bde82a006892c")
_TIMEOUT = 30  # seconds that a server may say nothing


@dataclasses.dataclass(frozen=True)
class Source:
    """A public file, exactly.

    Parameters
    ----------
    name
        Where it lies below ``$HOMOGEN_DATA`` and below the cache, such as ``"benchmarks/truthfulqa.csv"``.
    url
        Where it is downloaded from; names a commit, so that it cannot change.
    sha256
        64 hexadecimal digits; other bytes are refused.
    licence
        SPDX identifier of the licence of its text.
    citation
        Key in the book's bibliography.
    home
        Page of its authors.
    """

    name: str
    url: str
    sha256: str
    licence: str
    citation: str
    home: str


def _pinned(name: str, sha256: str, pin: tuple[str, str], path: str, licence: str, citation: str, home: str) -> Source:
    repository, commit = pin
    return Source(name, f"{_RAW}/{repository}/{commit}/{path}", sha256, licence, citation, f"{_GITHUB}/{home}")


def _released(name: str, sha256: str) -> Source:
    """One of the paper's own result files."""
    return _pinned(f"published/{name}", sha256, _ARTIFACTS, f"results/{name}", "MIT", "liu2026alignment", _ARTIFACTS[0])


def _webquestions(split: str, sha256: str) -> Source:
    name = f"benchmarks/webquestions_{split}.json"
    licence, citation = "CC-BY-4.0", "berant2013semantic"
    return _pinned(name, sha256, _WEBQUESTIONS, f"main/{split}.json", licence, citation, _WEBQUESTIONS[0])


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        _pinned(
            "benchmarks/truthfulqa.csv",
            "b8d8ef1e12f98b4f2a9f47abc9765da0640b182b6c5d9b92f0c1a1f2f1e02e5c",
            _ARTIFACTS,  # the same bytes as at its home, where no commit with them is known
            "data/TruthfulQA.csv",
            "Apache-2.0",
            "lin2022truthfulqa",
            "sylinrl/TruthfulQA",
        ),
        _pinned(
            "benchmarks/gsm8k_test.jsonl",
            "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
            _GSM8K,
            "grade_school_math/data/test.jsonl",
            "MIT",
            "cobbe2021training",
            _GSM8K[0],
        ),
        _webquestions("test", "de320953700cd08300b9bcd2e60399da43b458a1be02db3f93c40344729fed39"),
        _webquestions("val", "eece8cddb324972d55bae4ac05eb06d728bc6e4111585509391efcff5c29e063"),
        _webquestions("devtest", "2541838645f7b8a6f24c4f409f12568b1616095f2edb6280eec924ea3df123c8"),
        _pinned(
            "benchmarks/tqa_200q.json",
            "9fd0d0a17d495c7d55ee8f2bb48176e4af370f76493c1ac15545cc6ecdb32aaa",
            _ARTIFACTS,
            "data/tqa_200q.json",
            "Apache-2.0",
            "lin2022truthfulqa",
            _ARTIFACTS[0],
        ),
        _pinned(
            "benchmarks/webq_200q.json",
            "65a975ce769341e39273a45938ef6931f5f255330fff4f7eb3b6d00c107cee3d",
            _ARTIFACTS,
            "data/webq_200q.json",
            "CC-BY-4.0",
            "berant2013semantic",
            _ARTIFACTS[0],
        ),
        _pinned(
            "benchmarks/hotpot_100.json",
            "5f59f70df0aef81396d99b89f9afa0dcc98bc607d4ebd42819c7590ca3089db5",
            _ARTIFACTS,
            "data/hotpot_100.json",
            "CC-BY-SA-4.0",
            "yang2018hotpotqa",
            _ARTIFACTS[0],
        ),
        _released("exp26_minimax_scr.json", "c6f3806ba74b003cb87a8c01fbe6a56220659195d5acd387bad6c6c86cce5869"),
        _released("exp27_sindex_headtohead.json", "19c4c7d3f2b99ed2989c2c72c622da757b1d4e7718824f77b5d43c76f31c30e9"),
        _released("exp28_nli_validation.json", "b124de3dadb911abeb8aa142d2fe01eb55e39bc6147670fc7950c3acb2aaff84"),
        _released("v10_b4_assoc.jsonl", "5a0bdb1b6fb3480da7a986682059c0a126beda13bf12d76ab8353451aa596ecd"),
        _released("v10_summary.json", "3206065bf031ccfb813e7bf9f6a2efafe7c483bb56a432e1b84add57db5f0281"),
        _released("v11_cascade_demo.json", "149ff1c9615149aee996b530617cdc941c83c947966a9f4dc3f4ecd2dac06f93"),
        _released("v1a_fluency.jsonl", "23a6dbfad63f7a6bca3c8f95b198e5211a5cdef222d826b73af6a23ad934e527"),
        _released("v1b_density.jsonl", "92d80a3a3a190e1d05d237288f0e00ef0847d4691939f1710fae95582a83ce6c"),
        _released("v4_llama3.2-3b_fluency.jsonl", "eb7c26d0552ae027992db9343d88889b579d224a8d01f0217232cb61d5c0eca1"),
        _released("v4_qwen3-14b_fluency.jsonl", "453e51ed9abec69b7f76a6dcfc37c68f122e8c26fce3fe96c4f0e98a5d46526f"),
        _released("v4_qwen3-4b_fluency.jsonl", "10e35c7ba4a59b94542158bac678b4b2915919f99939b99c4adf5b82665fe12d"),
        _released("v9_end_to_end.jsonl", "7bb751cd559a93914be590f55fc6297cbf1a8ade10d70fbedc9025d7c7744c6a"),
        _released("v9_summary.json", "8178309f86932649c06e28b2dd734e93ad747140ad7c992cd82bfe1e8314d562"),
    )
}
"""Every file by its name."""

_DIGESTS: dict[tuple[str, int, int], str] = {}


def fetch(name: str) -> Path:
    """Give the path of a public file whose bytes are the published ones, downloading it if it is not at hand.

    The file is looked for below ``$HOMOGEN_DATA``, then in the cache; then it is downloaded into the cache, under a
    temporary name until its checksum is right. A damaged copy in the cache is warned about and fetched again. A file
    is hashed once in a process, and again only when it has changed.

    Parameters
    ----------
    name
        A name in :data:`SOURCES`.

    Returns
    -------
    pathlib.Path
        The file, to be read and not changed.

    Raises
    ------
    BadInput
        If the name is unknown, a file below ``$HOMOGEN_DATA`` is not the published one, or the file is nowhere and
        cannot be fetched (no network, no such page, a truncated or altered download, no room): the message says where
        the file can be put by hand.

    Examples
    --------
    >>> try:
    ...     fetch("benchmarks/truthfulqa.cvs")
    ... except BadInput as error:
    ...     print(str(error)[:75])
    unknown public file 'benchmarks/truthfulqa.cvs'; did you mean 'benchmarks/t
    """
    source = _source(name)
    own = _own(name)
    if own:
        found = _sha256(own)
        if found != source.sha256:
            raise BadInput(
                f"{own} is not the published file: its sha256 is {found}, expected {source.sha256}; replace it by "
                f"{source.url}, or take it away"
            )
        return own
    kept = _cache() / name
    if kept.is_file():
        if _sha256(kept) == source.sha256:
            return kept
        warnings.warn(f"{kept} does not match its checksum; it is fetched again", stacklevel=2)
    _download(source, kept)
    return kept


def available(name: str) -> bool:
    """Whether :func:`fetch` gives this file of :data:`SOURCES` without the network.

    True if the published bytes are below ``$HOMOGEN_DATA`` or in the cache. A file below ``$HOMOGEN_DATA`` with other
    bytes is False even if the cache has the right ones, since :func:`fetch` refuses it.

    Examples
    --------
    >>> all(available(name) in (True, False) for name in SOURCES)
    True
    """
    source = _source(name)
    path = _own(name) or _cache() / name
    return path.is_file() and _sha256(path) == source.sha256


def whereabouts(name: str) -> str:
    """Say in a few words where :func:`fetch` would take this file from; nothing is downloaded for it.

    ``"at hand in <folder>"``, ``"downloaded when first asked for, from <repository>"``, or that a file below
    ``$HOMOGEN_DATA`` is not the published one.

    Examples
    --------
    >>> whereabouts("published/v9_summary.json").startswith(("at hand in ", "downloaded when first asked for, from "))
    True
    """
    source, own = _source(name), _own(name)
    if available(name):
        return f"at hand in {data_folder() if own else _cache()}"
    if own:
        return f"refused: {own} is not the published file"
    return f"downloaded when first asked for, from github.com/{'/'.join(source.url.split('/')[3:5])}"


def data_folder() -> Path | None:
    """Give the folder that ``$HOMOGEN_DATA`` names, as a full path, or None where the variable is not set.

    Examples
    --------
    >>> data_folder() is None or data_folder().is_absolute()
    True
    """
    given = os.environ.get("HOMOGEN_DATA")
    return Path(given).expanduser().absolute() if given else None


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise unknown("public file", name, SOURCES)
    return SOURCES[name]


def _own(name: str) -> Path | None:
    """The file below the user's own folder, if it is there."""
    folder = data_folder()
    return folder / name if folder and (folder / name).is_file() else None


def _cache() -> Path:
    """Where downloads are kept; beside the converted weights of :mod:`homogen.models`, which is not loaded for this."""
    import platformdirs

    return Path(os.environ.get("HOMOGEN_CACHE") or platformdirs.user_cache_dir("homogen")).absolute() / "data"


def _sha256(path: Path) -> str:
    """The file's digest; computed anew only if its size or time has changed."""
    try:
        about = path.stat()
        stamp = (str(path), about.st_size, about.st_mtime_ns)
        if stamp not in _DIGESTS:
            _DIGESTS[stamp] = file_digest(path)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    return _DIGESTS[stamp]


def _download(source: Source, path: Path) -> None:
    """Put the file there or raise; nothing else stays behind."""
    import pooch
    import requests
    from tqdm import tqdm

    disable = bool(os.environ.get("TQDM_DISABLE"))
    try:
        # A bar without a total has no truth value, which is what pooch asks for first; it sets the true total itself.
        with tqdm(desc=source.name, total=1, unit="B", unit_scale=True, leave=False, disable=disable) as bar:
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=_TIMEOUT)
            with _quiet(pooch.get_logger()):
                pooch.retrieve(source.url, f"sha256:{source.sha256}", path.name, path.parent, downloader=downloader)
    except requests.RequestException as error:  # an OSError as well, hence first
        if error.response is not None:
            error.response.close()  # nobody reads the server's page of apology
        raise _failed(source, _why(error)) from error
    except ValueError as error:
        raise _failed(source, "what came has another sha256 than the published file") from error
    except OSError as error:
        raise BadInput(
            f"cannot keep {source.name} in {path.parent}: {error.strerror or error}; make room there, or set "
            "HOMOGEN_CACHE to another folder"
        ) from error


def _failed(source: Source, why: str) -> BadInput:
    folder = data_folder() or _cache()
    return BadInput(
        f"cannot fetch {source.name} from {source.url}: {why}; put the file at {folder / source.name}"
        + ("" if data_folder() else f" (or at {source.name} in a folder that HOMOGEN_DATA names)")
    )


def _why(error: Any) -> str:
    """The reason in a few words; a library's own runs over several lines."""
    import requests

    if error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    for kind, words in (
        (requests.Timeout, f"the server says nothing for {_TIMEOUT} seconds"),
        (requests.exceptions.SSLError, "the server's certificate is not accepted"),
        (requests.ConnectionError, "no connection"),
    ):
        if isinstance(error, kind):
            return words
    return "the download broke off before the file was whole"


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Leave the terminal to the bar: pooch announces every file in two lines."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
