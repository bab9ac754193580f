"""What the tests of similarities and of clusterings share: answers of few words, and small matrices."""

import numpy as np
from hypothesis import strategies as st

WORDS = st.lists(st.sampled_from(["a", "B", "b", "cat", "É", "ß", "paris."]), max_size=5).map(" ".join)
BENCHMARK = st.lists(st.lists(WORDS, max_size=5), max_size=4)


def letters(texts):
    """A small embedder: counts of letters, and a constant so that no text is without direction."""
    return np.array([[text.lower().count(c) for c in "abcdeprist"] + [0.5] for text in texts], dtype=float)


def random_similarity(seed, n, grid=None):
    """Symmetric, ones on the diagonal; on a grid (many ties, as with bigrams) or not."""
    rng = np.random.default_rng(seed)
    upper = rng.random((n, n)) if grid is None else rng.integers(0, grid + 1, (n, n)) / grid
    S = np.triu(upper, 1)
    return S + S.T + np.eye(n)


SIMILARITY = st.builds(random_similarity, st.integers(0, 10_000), st.integers(1, 8), st.sampled_from([None, 5, 10]))
