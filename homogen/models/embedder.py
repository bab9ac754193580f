"""A sentence-transformers model as a function from texts to vectors, which says what it does not read."""

from __future__ import annotations

import functools
import math
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from homogen.models.catalogue import CARDS, cards, is_hub_id
from homogen.models.devices import DTYPES, pick_device
from homogen.models.weights import _folder_of, _names, _one_line, quietly, unpacked
from homogen.records import BadInput, unknown
from homogen.records.checks import is_whole

_AT_ONCE = 1024  # texts between two steps of the bar; sorted by length first, so batches hold texts of one length


class SentenceEmbedder:
    """Vectors of texts, ``(n, d)`` float32, not normalised.

    Parameters
    ----------
    model
        A ``SentenceTransformer``.
    name
        The embedder's name.

    Attributes
    ----------
    name : str
        The embedder's name.
    max_length : float
        Tokens that the model reads of a text; infinite for averaged vectors.
    truncated : int
        Texts so far that were longer: what came after was not read, so that two answers which differ at the end alone
        have one vector.
    """

    def __init__(self, model: Any, name: str):
        self.name = name
        self.truncated = 0
        self.max_length = model.max_seq_length or math.inf
        self._model = model

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts, longest first in batches."""
        import tqdm

        self._count_long(texts)
        wanted = len(texts) > 256 and not os.environ.get("TQDM_DISABLE")
        with tqdm.tqdm(total=len(texts), desc=f"embedding, {self.name}", unit="text", disable=not wanted) as bar:
            order = np.argsort([-len(text) for text in texts], kind="stable")
            rows: list[np.ndarray] = []
            for start in range(0, len(texts), _AT_ONCE):
                chunk = [texts[i] for i in order[start : start + _AT_ONCE]]
                rows.append(self._model.encode(chunk, batch_size=64, show_progress_bar=False, convert_to_numpy=True))
                bar.update(len(chunk))
        vectors = np.concatenate(rows) if rows else np.zeros((0, self._model.get_embedding_dimension()))
        return vectors[np.argsort(order)].astype(np.float32)

    def _count_long(self, texts: Sequence[str]) -> None:
        # A token is a character at least: most texts need not be counted.
        suspects = [text for text in texts if len(text) > self.max_length - 2]
        if not suspects:
            return
        tokens = self._model.tokenizer(suspects, truncation=False, verbose=False)["input_ids"]
        long = sum(len(row) > self.max_length for row in tokens)
        if long:
            self.truncated += long
            warnings.warn(
                f"{self.name}: {long:,} of {len(texts):,} texts are longer than {self.max_length} tokens and were cut",
                stacklevel=3,
            )


def load_embedder(
    name: str, device: str = "auto", dtype: str = "auto", max_length: int | None = None
) -> Callable[[Sequence[str]], np.ndarray]:
    """Load a sentence embedder as a function from texts to vectors; the same call returns the same object.

    Parameters
    ----------
    name
        A card's name, a folder, or a hub id ``owner/name`` that sentence-transformers can read.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    dtype
        ``"float32"``, ``"bfloat16"``, or ``"auto"``: float32, because a threshold on cosines is set to a few digits.
    max_length
        Tokens that are read of a text; ``None`` takes what the model was made for. Longer texts are cut, counted and
        warned about.

    Returns
    -------
    callable
        ``texts -> (n, d)`` float32 array, not normalised. Its attribute ``name`` is the embedder's name, ``truncated``
        counts the texts that were cut.

    Raises
    ------
    Unavailable
        If the weights are not here and cannot be fetched.
    """
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    return kept(name, pick_device(device), dtype, max_length)


@functools.lru_cache(maxsize=4)
def kept(name: str, device: str, dtype: str, max_length: int | None) -> Callable:
    """Load an embedder, or give the one that was loaded before."""
    card = CARDS.get(name)
    if not (card or Path(name).is_dir() or is_hub_id(name)):
        raise unknown("embedder", name, [c.name for c in cards("embedder")])
    if card is not None and card.stage != "embedder":
        raise BadInput(f"{name!r} is a generator, not an embedder; embedders: {_names('embedder')}")
    folder = str(unpacked(card)) if card else _folder_of(name)[0]
    from sentence_transformers import SentenceTransformer

    with quietly():
        if name == "wordllama":
            model = SentenceTransformer(
                modules=[_static_embedding(*(file.locate() for file in card.files))], device=device
            )
        else:
            try:
                model = SentenceTransformer(folder, device=device, trust_remote_code=False)
            except Exception as error:  # as above
                raise BadInput(f"embedder {name!r} could not be loaded: {_one_line(error)}") from error
    # Whatever precision they were published in: a threshold on cosines must not hang on that.
    model = model.bfloat16() if dtype == "bfloat16" else model.float()
    if max_length is not None:
        limit = model.max_seq_length or 0
        if not is_whole(max_length) or not 3 <= max_length <= limit:
            raise BadInput(f"max_length must lie between 3 and the {limit} tokens that {name} reads, got {max_length}")
        model.max_seq_length = max_length
    return SentenceEmbedder(model, name)


def _static_embedding(weights: Path, tokenizer: Path):
    """WordLlama's vectors as a sentence-transformers module; its own loader wants the network."""
    from safetensors.numpy import load_file
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    (matrix,) = load_file(weights).values()
    # The file is float16; averaged in that precision, vectors would be off by some 1e-3.
    return StaticEmbedding(Tokenizer.from_file(str(tokenizer)), embedding_weights=matrix.astype(np.float32))
