"""A sentence-transformers model as a function from texts to vectors, which says what it does not read."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

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
