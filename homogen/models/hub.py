"""Weights from the Hugging Face hub: fetched once into its own cache, and one clear line where they cannot be had.

The hub's cache and settings are respected: ``HF_HOME`` says where weights are kept, ``HF_TOKEN`` (or ``hf auth login``)
opens gated models, ``HF_ENDPOINT`` names a mirror, ``HF_HUB_OFFLINE=1`` keeps to what is there.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import textwrap
from pathlib import Path

from homogen.models.catalogue import Unavailable
from homogen.records import BadInput

WANTED = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
"""What beside the weights a model is loaded from."""
UNWANTED = ("onnx/*", "openvino/*", "original/*", "*.gguf", "runs/*", "coreml/*", "consolidated*")
"""Other forms of the same weights, and what training left."""


def fetch(repository: str) -> tuple[Path, str]:
    """Fetch a model's files, those that are there already only looked at; gives their folder and the hub's commit.

    A transfer that breaks off is taken up again by the next call. Only safetensors are fetched; where a repository has
    none, its pickled ``.bin`` files, which transformers reads without running what is in them.

    Parameters
    ----------
    repository
        Its id, ``owner/name``.

    Raises
    ------
    Unavailable
        If the model is gated, does not exist, or cannot be reached and is not in the cache.
    BadInput
        If the cache cannot be written.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    options = {"endpoint": os.environ.get("HF_ENDPOINT"), "ignore_patterns": list(UNWANTED), "tqdm_class": _bar()}
    try:
        folder = Path(snapshot_download(repository, allow_patterns=[*WANTED, "*.safetensors"], **options))
        if not any(folder.rglob("*.safetensors")):
            folder = Path(snapshot_download(repository, allow_patterns=[*WANTED, "*.bin"], **options))
    except GatedRepoError as error:
        raise Unavailable(
            f"{repository} is gated: accept its licence at https://huggingface.co/{repository}, then set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise Unavailable(
            f"the hub has no model {repository} (or it is private and HF_TOKEN does not open it); check its name"
        ) from error
    except LocalEntryNotFoundError as error:
        raise Unavailable(
            f"{repository} is not in the hub's cache and the hub cannot be reached, or HF_HUB_OFFLINE is set; "
            f"download it where there is a network (hf download {repository})"
        ) from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise Unavailable(f"the hub answered {status} for {repository}; try again later") from error
    except OSError as error:
        # What breaks off a transfer is an OSError of some kind; so is a disk that is full or closed to us.
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM):
            raise BadInput(f"cannot keep {repository} in the hub's cache: {error.strerror or error}") from error
        raise Unavailable(f"the transfer of {repository} broke off ({_one_line(error)}); run again to go on") from error
    except Exception as error:
        # The hub's client passes on the errors of whichever HTTP library it stands on.
        raise Unavailable(f"{repository} could not be fetched ({_one_line(error)}); run again to go on") from error
    if not any(path for pattern in ("*.safetensors", "*.bin") for path in folder.rglob(pattern)):
        raise Unavailable(f"{repository} holds no weights that transformers can load (.safetensors or .bin)")
    return folder, folder.name


def cached(repository: str) -> bool:
    """Whether a model's weights lie whole in the hub's cache; asks nobody. A download that broke off is not whole."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, "config.json")
    if not isinstance(found, str):
        return False
    folder = Path(found).parent
    # A repository may have both kinds and hold, for us, the first alone.
    for whole in ("model.safetensors", "pytorch_model.bin"):
        try:
            weights = set(json.loads((folder / f"{whole}.index.json").read_text("utf-8"))["weight_map"].values())
        except FileNotFoundError:
            weights = {whole}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):  # the index itself is broken off
            continue
        if weights and all((folder / name).exists() for name in weights):
            return True
    return False


def commit(repository: str) -> str:
    """The hub's commit of the weights that lie in its cache; empty if none do. Asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, "config.json")
    return Path(found).parent.name if isinstance(found, str) else ""


def free_disk() -> int:
    """Bytes free where the hub's client keeps what it fetches."""
    from huggingface_hub.constants import HF_HUB_CACHE

    place = Path(HF_HUB_CACHE).absolute()
    return shutil.disk_usage(next(p for p in (place, *place.parents) if p.exists())).free


def _bar():
    """The hub's bar; none where bars are not wanted."""
    from tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *arguments, **options):
            options.pop("name", None)
            options["disable"] = bool(options.get("disable") or os.environ.get("TQDM_DISABLE"))
            super().__init__(*arguments, **options)

    return Bar


def _one_line(error: Exception) -> str:
    return textwrap.shorten(f"{type(error).__name__}: {error}", 160, placeholder=" …")
