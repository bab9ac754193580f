"""Runs for a chapter: draw what can be drawn, name what cannot, and say what to know of them first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import special

from homogen import evaluation, sampling, uncertainty
from homogen.models.catalogue import Unavailable
from homogen.models.cross_encoder import load_nli
from homogen.models.weights import revision_of
from homogen.nli import CHECK_PAIRS, NLI
from homogen.records import Draws, Estimate, Question, SamplingSpec, fixed
from homogen.records.verdicts import VerdictFile

if TYPE_CHECKING:
    import pandas as pd

    from homogen.sampling.store import Run


GREEDY_DEPARTS = "a greedy answer as short as the samples, without a system prompt (theirs: 200 tokens, with one)"
"""In what the answer that chapters grade departs from the paper's (:meth:`homogen.book.findings.Chapter.record`)."""
_AT_ONCE = 256  # prompts a call: a kill loses no more than these
GRADED_DEPARTS = "graded by the nearest reference, not by a language model"
"""The same of how it is graded."""


class NothingToShow(Exception):
    """A chapter can go no further, for want of what it is about; no mistake, and its page says why.

    Raised in a notebook, it ends the run there: what was shown and recorded until then is kept.
    """


def draw(
    specs: Mapping[str, SamplingSpec], questions: Sequence[Question], store: str = "runs", device: str = "auto"
) -> tuple[dict[str, Run], dict[str, str]]:
    """Draw a run for each spec whose weights can be had; what cannot be had is named, with the reason.

    One model that is gated or not downloaded must not cost the results of the others.

    Parameters
    ----------
    specs
        By the name under which the chapter shows them. Runs of one model should stand side by side: it is loaded once.
    questions, store, device
        As in :func:`homogen.sampling.sample`.

    Returns
    -------
    runs : dict of str to Run
        In the order of ``specs``.
    missing : dict of str to str
        One line for each spec that could not be drawn.

    Raises
    ------
    NothingToShow
        If none could be drawn.
    """
    runs, missing = {}, {}
    for name, spec in specs.items():
        try:
            runs[name] = sampling.sample(questions, spec, store=store, device=device)
        except Unavailable as reason:
            missing[name] = str(reason)
    if missing and not runs:
        raise NothingToShow("; ".join(dict.fromkeys(missing.values())))
    return runs, missing


def had(
    names: Iterable[str], load: Callable[[str], Any], required: bool = False
) -> tuple[dict[str, Any], dict[str, str]]:
    """Load each of some models; what cannot be had is named, with the reason, and costs the others nothing.

    Parameters
    ----------
    names
        Of embedders or NLI models.
    load
        What loads one by its name.
    required
        Whether the chapter is about them, so that it has nothing to show without any.

    Returns
    -------
    loaded : dict of str to object
        In the order of ``names``.
    missing : dict of str to str
        One line for each that could not be had.

    Raises
    ------
    NothingToShow
        If they are required, and there is none.

    Examples
    --------
    >>> def load(name):
    ...     if name == "gated":
    ...         raise Unavailable("accept its licence first")
    ...     return name.upper()
    >>> had(["open", "gated"], load)
    ({'open': 'OPEN'}, {'gated': 'accept its licence first'})
    """
    loaded, missing = {}, {}
    for name in names:
        try:
            loaded[name] = load(name)
        except Unavailable as reason:
            missing[name] = str(reason)
    if required and not loaded:
        raise NothingToShow("; ".join(dict.fromkeys(missing.values())) or "none was named")
    return loaded, missing


def judge(name: str, store: str = "runs", device: str = "auto", check: bool = True) -> NLI:
    """An NLI model whose verdicts are kept in the store, each pair asked about once and for all.

    Parameters
    ----------
    name
        As in :func:`homogen.models.load_nli`: a cross-encoder, or a generator that is asked in words.
    store
        Folder with what was drawn. Of a generator, verdicts that stand in it are taken without the weights.
    device
        As in :func:`draw`.
    check
        Whether the model must pass the self-check (:meth:`homogen.nli.NLI.check`), on verdicts that are kept as well.

    Raises
    ------
    Unavailable
        If the weights cannot be had; of a generator, here or at a later pair, if the store lacks its verdict.
    BadInput
        If the model fails its self-check; the message says at which pair.
    """
    asked = NLI(load_nli(name, device, check=False), cache=Path(store) / "nli.sqlite")
    asked(list(CHECK_PAIRS))  # without a verdict of it in the store the weights are loaded here
    if check:
        asked.check()
    return asked


def word_logprobs(
    model: str,
    prompts: Sequence[str],
    words: Sequence[str] = ("True", "False"),
    device: str = "auto",
    store: str | None = None,
) -> np.ndarray:
    """Log-probabilities that a model goes on from each prompt with each of some words: what P(True) needs.

    Parameters
    ----------
    model, device
        As in :func:`draw`; the model that has drawn last is not loaded again.
    prompts
        Without the chat template.
    words
        To go on with.
    store
        Folder that keeps what was said, each prompt asked about once and for all; None keeps nothing. What stands in it
        is taken without the weights, where these are known by a card, a path or the hub's cache.

    Returns
    -------
    numpy.ndarray
        ``(len(prompts), len(words))``, natural logarithms.

    Raises
    ------
    BadInput
        If the model cannot be loaded, or a word has no tokens.
    """
    return _remembered(
        model,
        prompts,
        f"goes on with {list(words)}",
        lambda some: _words_after(model, some, words, device),
        len(words),
        store,
    )


def _remembered(
    model: str,
    prompts: Sequence[str],
    asked: str,
    ask: Callable[[list[str]], np.ndarray],
    width: int,
    store: str | None,
) -> np.ndarray:
    """What a model said of prompts, a row of ``width`` numbers each: from the store, or asked for and kept there.

    Of weights without a revision nothing is kept: it could be another one's.
    """
    if not prompts:
        return np.empty((0, width))
    revision = revision_of(model) if store is not None else None
    if store is None or revision is None:
        return ask(list(prompts))
    kept = VerdictFile(Path(store) / "words.sqlite", f"{revision} {asked}")
    items = [(prompt,) for prompt in prompts]
    known = kept.read(items)
    new = [item for item in dict.fromkeys(items) if item not in known]
    for start in range(0, len(new), _AT_ONCE):
        some = new[start : start + _AT_ONCE]
        rows = ask([prompt for (prompt,) in some])
        kept.write(some, rows)
        known.update(zip(some, rows, strict=True))
    return np.array([known[item] for item in items]).reshape(len(items), width)


class FirstTokens(NamedTuple):
    """What a model may begin an answer with: a row a prompt.

    Parameters
    ----------
    vocabulary
        How many tokens it knows.
    entropy
        ``(n,)``, of the whole distribution, nats.
    logprobs
        ``(n, likeliest)``, of the likeliest tokens, from high to low; minus infinity beyond the vocabulary.
    """

    vocabulary: int
    entropy: np.ndarray
    logprobs: np.ndarray


def first_tokens(
    model: str, prompts: Sequence[str], likeliest: int = 1000, device: str = "auto", store: str = "runs"
) -> FirstTokens:
    """Distributions over the first token of an answer, kept in the store; what stands there wants no weights.

    Parameters
    ----------
    model, device
        As in :func:`draw`.
    prompts
        Without the chat template.
    likeliest
        Tokens whose log-probabilities are wanted.
    store
        Folder that keeps them.

    Raises
    ------
    Unavailable
        If the weights cannot be had and the store lacks a prompt.
    """

    def ask(some: list[str]) -> np.ndarray:
        engine = sampling.engine_of(model, device, "transformers")
        return np.array([_in_brief(row, likeliest) for row in engine.next_logprobs(some)])

    rows = _remembered(model, prompts, f"begins with its {likeliest} likeliest", ask, likeliest + 2, store)
    return FirstTokens(int(rows[0, 0]) if len(rows) else 0, rows[:, 1], rows[:, 2:])


def _in_brief(logprobs: np.ndarray, likeliest: int) -> np.ndarray:
    row = np.full(likeliest + 2, -np.inf)
    row[:2] = len(logprobs), special.entr(np.exp(logprobs)).sum()
    row[2 : 2 + len(logprobs)] = np.sort(logprobs)[::-1][:likeliest]
    return row


def _words_after(model: str, prompts: Sequence[str], words: Sequence[str], device: str) -> np.ndarray:
    engine = sampling.engine_of(model, device, "transformers")
    # After a plain prompt a word begins with its space; a chat template ends where the answer begins.
    return engine.continuation_logprobs(prompts, [w if engine.model.chat else f" {w}" for w in words])


def not_run(missing: Mapping[str, str]) -> pd.DataFrame:
    """Show what could not be had, as a table: what, and why."""
    import pandas as pd

    return pd.DataFrame({"why it was not run": dict(missing)}).rename_axis("not run")


def conduct(runs: Mapping[str, Run]) -> pd.DataFrame:
    """What to know of runs before their spread: missing and cut answers, length, and entropy of the greedy answer.

    Parameters
    ----------
    runs
        By name.

    Returns
    -------
    pandas.DataFrame
        A row a run: share of drawn answers that are missing, that the length limit cut, mean tokens of an answer, and
        the mean over questions of the greedy answer's mean token entropy (nats).
    """
    import pandas as pd

    rows = {}
    for name, run in runs.items():
        drawn = run.to_pandas().query("sample >= 0")
        rows[name] = {
            "answers missing": f"{drawn['answer'].eq('').mean():.0%}",
            "cut by the limit": f"{drawn['finish'].eq('length').mean():.0%}",
            "tokens an answer": f"{drawn['token_logprobs'].map(len).mean():.1f}",
            "entropy, greedy (nats)": f"{'at least ' * bounded(run)}{fixed(entropy(run).value)}",
        }
    return pd.DataFrame(rows).T.rename_axis("run")


def bounded(run: Run) -> bool:
    """Whether a run's entropies are lower bounds, because its engine saw the likeliest tokens alone."""
    column = "token_entropies_high"
    return column in run.table.column_names and run.table.column(column).null_count < len(run.table)


def entropy(run: Run, seed: int = 0) -> Estimate:
    """Mean over questions of the greedy answer's mean token entropy, in nats, with a bootstrap interval."""
    return evaluation.mean(uncertainty.mean_entropy(run.column("token_entropies")), draws=Draws(seed=seed))
