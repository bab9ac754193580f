"""The learned pointer: cheap features of a question and its answer, and a logistic regression on them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from homogen import uncertainty
from homogen.cascade._base import complete, fit_evidence, labels, numbers, stratified
from homogen.records import BadInput, shown
from homogen.records.checks import sized, whole

_HEDGES = (
    r"\b(may|might|maybe|perhaps|possibly|probably|likely|unlikely|appears?|seems?|suggests?|unclear|uncertain|"
    r"believe[ds]?|thought|generally|usually|often|sometimes|typically|depends?|not sure|don't know|do not know)\b"
)
_NEGATIONS = r"\b(no|not|never|none|nothing|neither|nor|cannot)\b|n['’]t\b"
_QUESTION_WORDS = {
    "who": r"\b(who|whom|whose)\b",
    "what_which": r"\b(what|which)\b",
    "when_where": r"\b(when|where)\b",
    "why_how": r"\b(why|how)\b",
    "yes_no": r"^\W*(is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|must)\b",
}


def pointer_features(
    questions: Sequence[str], answers: Sequence[str], token_entropies: Sequence[Sequence[float]]
) -> pd.DataFrame:
    """Twenty features of a question and its greedy answer that cost no further call of a model.

    Parameters
    ----------
    questions, answers
        ``(n,)`` texts.
    token_entropies
        One row an answer: the entropy in nats at each of its tokens.

    Returns
    -------
    pandas.DataFrame
        ``(n, 20)`` floats. Six of the entropies (mean, max, std, first, last, high ratio: NaN for an answer without
        tokens), seven of the answer (tokens, words, sentences, whether it has a number, hedges, negations, whether it
        was cut short of a full stop), seven of the question (words, whether it has a number, and whether it asks who,
        what or which, when or where, why or how, or for yes or no).

    Notes
    -----
    The paper names the kinds (entropy statistics, length, question type, hedges) and their number, not the list; this
    one is ours. The word lists are English.

    Examples
    --------
    >>> features = pointer_features(["Who was it in 1969?"], ["Perhaps Armstrong. I am not sure."], [[0.5, 1.5]])
    >>> features.shape
    (1, 20)
    >>> features.loc[0, ["entropy_mean", "answer_sentences", "answer_hedges", "question_who"]].tolist()
    [1.0, 2.0, 2.0, 1.0]
    """
    for what, given in (("questions", questions), ("answers", answers), ("token entropies", token_entropies)):
        sized(given, what)
    if not len(questions) == len(answers) == len(token_entropies):
        raise BadInput(
            f"lengths differ: {len(questions)} questions, {len(answers)} answers, {len(token_entropies)} rows"
        )

    for what, texts in (("question", questions), ("answer", answers)):
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise BadInput(f"{what} {i} is {shown(text)}, not a text")

    def count(pattern: str, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(pattern, text, re.IGNORECASE)) for text in texts]

    rows = [numbers(row, f"token entropies {i}") for i, row in enumerate(token_entropies)]
    asked = {name: np.array(count(pattern, questions)) > 0 for name, pattern in _QUESTION_WORDS.items()}
    return pd.DataFrame(
        {
            "entropy_mean": uncertainty.mean_entropy(rows),
            "entropy_max": uncertainty.max_entropy(rows),
            "entropy_std": uncertainty.std_entropy(rows),
            "entropy_first": [row[0] if len(row) else np.nan for row in rows],
            "entropy_last": [row[-1] if len(row) else np.nan for row in rows],
            "entropy_high_ratio": uncertainty.high_entropy_ratio(rows),
            "answer_tokens": [len(row) for row in rows],
            "answer_words": count(r"\S+", answers),
            "answer_sentences": count(r"[^.!?\s][^.!?]*", answers),
            "answer_has_number": np.array(count(r"\d", answers)) > 0,
            "answer_hedges": count(_HEDGES, answers),
            "answer_negations": count(_NEGATIONS, answers),
            "answer_unfinished": [not re.search(r"[.!?][\"'”’)]*\s*$", text) for text in answers],
            "question_words": count(r"\S+", questions),
            "question_has_number": np.array(count(r"\d", questions)) > 0,
            **{f"question_{name}": found for name, found in asked.items()},
        }
    ).astype(np.float64)


def learned_pointer(
    features: Sequence[Sequence[float]],
    wrong: Sequence[float],
    embeddings: Sequence[Sequence[float]] | None = None,
    components: int = 64,
    folds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    r"""Probability of a wrong answer by a logistic regression on cheap features, out of fold.

    .. math:: \ln \frac{P(\text{wrong} \mid x)}{P(\text{right} \mid x)} = b + w \cdot z(x)

    with :math:`z` the features standardised on the training folds, and a ridge penalty on :math:`w`.

    Parameters
    ----------
    features
        ``(n, p)``, such as :func:`pointer_features`, with columns of further boundaries' scores if wanted.
    wrong
        ``(n,)`` true where the answer is wrong.
    embeddings
        ``(n, d)`` question embeddings, of which the leading principal components join the features.
    components
        How many, at most d and one fewer than a training fold's rows. Components, means and scales are those of the
        training folds.
    folds
        Stratified by ``wrong``.
    seed
        Of the folds.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` probabilities, each from a fit that has not seen its row; NaN where a feature or the label is NaN.

    Raises
    ------
    BadInput
        If a class has fewer rows than there are folds.

    Notes
    -----
    Folds differ in their error rate, and against their test rows': pooled as they are, forecasts from features that
    know nothing would have an AUROC below one half. All folds are therefore given one prior, the mean of their training
    error rates; constant features then have an AUROC of exactly 0.5. The order of the rows plays no part.

    References
    ----------
    M. Liu (2026), arXiv:2603.24124 (the learned pointer).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = rng.random(100) < 0.5
    >>> learned_pointer(np.c_[wrong + rng.normal(0, 1, 100), rng.normal(0, 1, 100)], wrong).shape
    (100,)
    """
    X = numbers(features, "features", dimensions=2)
    if not X.shape[1]:
        raise BadInput(f"features must have shape (n, p), got {X.shape}")
    V = np.empty((len(X), 0)) if embeddings is None else numbers(embeddings, "embeddings", dimensions=2)
    if len(V) != len(X):
        raise BadInput(f"embeddings of {len(X)} questions must have shape ({len(X)}, d), got {V.shape}")
    if embeddings is not None and whole("components", components, 1) > V.shape[1]:
        raise BadInput(f"components must be at most the {V.shape[1]} dimensions of the embeddings, got {components}")
    w = labels(wrong, len(X))
    keep = complete(np.hstack([X, V]), w)
    X, V, y = X[keep], V[keep], w[keep].astype(bool)
    found, priors = np.full(len(w), np.nan), []
    for train, test in stratified(y, folds, seed):
        inside, outside = X[train], X[test]
        if embeddings is not None:
            mean = V[train].mean(axis=0)
            axes = np.linalg.svd(V[train] - mean, full_matrices=False)[2][: min(components, len(train) - 1)]
            inside = np.hstack([inside, (V[train] - mean) @ axes.T])
            outside = np.hstack([outside, (V[test] - mean) @ axes.T])
        found[keep[test]] = fit_evidence(inside, y[train])(outside)
        priors.append(y[train].mean())
    return expit(found + logit(np.mean(priors)))
