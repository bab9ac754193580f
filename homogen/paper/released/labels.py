"""Right and wrong of answers by their labels, as the paper's scripts have it: four conventions."""

from __future__ import annotations

from homogen.records import unknown

LABELS = ("correct", "incorrect", "ambiguous", "no_match")
"""What word overlap with the references makes of an answer."""

CONVENTIONS = {
    "decided only": "incorrect is wrong, correct is right, the undecided are left out",
    "undecided wrong": "whatever is not correct is wrong",
    "undecided right": "only incorrect is wrong",
    "larger overlap": "wrong unless the overlap with a correct reference is the larger one; every question decided",
}
"""The four ways in which the paper's scripts make right and wrong of the labels, by name."""


def wrong_by(answers, convention: str = "decided only"):
    """Right and wrong of answers under one of the four label conventions.

    Parameters
    ----------
    answers
        A DataFrame with columns ``label``, ``correct_score`` and ``incorrect_score``, as :func:`table` makes of
        :func:`greedy_answers`.
    convention
        A name in :data:`CONVENTIONS`.

    Returns
    -------
    numpy.ndarray
        Floats: 1 wrong, 0 right, NaN left out.

    Examples
    --------
    >>> import pandas as pd
    >>> labels = ["correct", "incorrect", "ambiguous"]
    >>> made = pd.DataFrame({"label": labels, "correct_score": [0.5, 0.1, 0.3], "incorrect_score": [0.1, 0.5, 0.2]})
    >>> for name in CONVENTIONS:
    ...     print(wrong_by(made, name))
    [ 0.  1. nan]
    [0. 1. 1.]
    [0. 1. 0.]
    [0. 1. 0.]
    """
    import numpy as np

    label = answers["label"].to_numpy()
    if convention == "decided only":
        return np.where(label == "incorrect", 1.0, np.where(label == "correct", 0.0, np.nan))
    if convention == "undecided wrong":
        return (label != "correct").astype(float)
    if convention == "undecided right":
        return (label == "incorrect").astype(float)
    if convention == "larger overlap":
        return (answers["correct_score"] <= answers["incorrect_score"]).to_numpy(dtype=float)
    raise unknown("label convention", convention, CONVENTIONS)
