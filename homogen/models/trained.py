"""Models that were trained here: adapters on a base, in the user's cache, each with a name of its own.

A name says which training it was and after how many steps, so that answers which were drawn before are known for that
model's even where its adapters are not at hand.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homogen.models.catalogue import TRAINED, Unavailable
from homogen.models.weights import cache_folder
from homogen.records import BadInput

ABOUT = "recipe.json"
"""What a training's folder says of it: ``base``, its ``revision``, and the settings."""
WEIGHTS = "adapter_model.safetensors"
"""The adapter's file in the folder of a dose."""


def name_of(key: str, steps: int) -> str:
    """Name the model that a training has made after so many steps.

    Examples
    --------
    >>> name_of("0123456789abcdef", 80)
    'trained-0123456789abcdef-80'
    """
    return f"trained-{key}-{steps}"


def home_of(key: str) -> Path:
    """The folder of a training, whether it is there or not."""
    return cache_folder() / "trained" / key


def folder_of(name: str) -> Path:
    """The folder of a trained model's adapter; raise :class:`Unavailable` if it is not here."""
    found = TRAINED.fullmatch(name)
    if found is None:
        raise BadInput(f"{name!r} is not the name of a trained model")
    folder = home_of(found[1]) / found[2]
    if not (folder / WEIGHTS).is_file():
        raise Unavailable(f"{name} was not trained on this machine; homogen.alignment.train makes it from its recipe")
    return folder


def about(name: str) -> Mapping[str, Any]:
    """What the training's account says; raise :class:`Unavailable` if it is not here."""
    path = folder_of(name).parent / ABOUT
    try:
        found = json.loads(path.read_text("utf-8"))
        return {"base": str(found["base"]), **found}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); delete its folder and train again") from error


def merged(network: Any, folder: Path) -> Any:
    """Put an adapter's weights into those of its base."""
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an old name
        return PeftModel.from_pretrained(network, folder).merge_and_unload().eval()
