"""Abstention with a guarantee: answer only below a threshold that calibration questions have set."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from homogen.evaluation._base import Row, complete_rows, row
from homogen.records.checks import one_of, share

GUARANTEES = ("wrong", "joint")


@dataclasses.dataclass(frozen=True)
class AbstentionRule:
    """Answer exactly where ``score < threshold``; what that guarantees, and on how many calibration rows it rests.

    Attributes
    ----------
    threshold
        In the unit of the score: ``-inf`` answers nothing, ``inf`` everything.
    bound
        The guaranteed bound K/(N + 1), at most the alpha asked for.
    coverage
        Share of the calibration rows that would be answered.
    n
        N, the rows that the guarantee counts.
    method
        Which guarantee, and why the rule abstains always if it does.
    """

    threshold: float
    bound: float
    coverage: float
    n: int
    method: str

    def answers(self, score: Row) -> np.ndarray:
        """Which of new questions to answer, ``(n,)`` bool; a question without a score (NaN) is not answered.

        Parameters
        ----------
        score
            ``(n,)``, of the same kind as the calibration scores.
        """
        return row("score", score) < self.threshold


def conformal_abstention(score: Row, wrong: Row, alpha: float, guarantee: str = "wrong") -> AbstentionRule:
    r"""Threshold below which answers are given, with a finite-sample bound on the wrong ones that get through.

    .. math:: t = s^{\text{wrong}}_{(K)}, \qquad K = \lfloor \alpha (N + 1) \rfloor, \qquad
              P(S_{\text{new}} < t,\, \dots) \le \frac{K}{N + 1} \le \alpha

    t is the K-th smallest score of a wrong calibration answer: -inf (abstain always) if K = 0, inf if there are fewer.
    With ``guarantee="wrong"`` N counts the wrong calibration answers, and P(answered | wrong) is bounded:
    class-conditional split conformal prediction (Vovk, Gammerman and Shafer 2005, chapter 4). With ``"joint"`` N counts
    all calibration answers, and P(answered and wrong) is bounded: conformal risk control with the loss
    :math:`\mathbf{1}\{\text{answered and wrong}\}` (Angelopoulos et al. 2024).

    The bound holds for a new question that is exchangeable with the calibration rows, on average over both; it is a
    statement about neither one calibration set, nor a category, nor another benchmark. Ties are conservative, because
    scores equal to t are not answered. The bound does not say that answers are worth having: look at ``coverage``.

    Parameters
    ----------
    score
        ``(n,)``, of calibration questions that were used for nothing else; higher = less certain.
    wrong
        ``(n,)`` of 0 and 1. A question with a NaN in either is left out.
    alpha
        The bound asked for, in (0, 1).
    guarantee
        ``"wrong"`` or ``"joint"``.

    Returns
    -------
    AbstentionRule
        With too few rows for ``alpha`` it abstains always, and ``method`` says how many it would need; ``coverage`` is
        NaN without rows.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), *Algorithmic Learning in a Random World*. Angelopoulos, Bates, Fisch, Lei and
    Schuster (2024), ICLR.

    Examples
    --------
    Four wrong answers; K = floor(0.4 · 5) = 2, so what lies below the second smallest of 2, 5, 6, 9 is answered:

    >>> rule = conformal_abstention([1, 2, 3, 4, 5, 6, 9], [0, 1, 0, 0, 1, 1, 1], alpha=0.4)
    >>> rule.threshold, rule.bound, rule.answers([4.9, 5.0]).tolist()
    (5.0, 0.4, [True, False])
    """
    one_of("guarantee", guarantee, GUARANTEES)
    share("alpha", alpha)
    (s, w), _ = complete_rows(("wrong",), score=score, wrong=wrong)
    of_wrong = np.sort(s[w])
    n = len(of_wrong) if guarantee == "wrong" else len(s)
    K = math.floor(alpha * (n + 1)) + 1
    while K / (n + 1) > alpha:  # not by the product, for 0.29 · 100 is 28.999…96
        K -= 1
    method = {
        "wrong": f"split conformal given wrong, P(answered | wrong) <= {alpha:g}",
        "joint": f"conformal risk control, P(answered and wrong) <= {alpha:g}",
    }[guarantee]
    if not K:
        what = "wrong answers" if guarantee == "wrong" else "answers"
        least = math.ceil(1 / alpha - 1e-9) - 1 if alpha > 1e-9 else "over a billion"
        return AbstentionRule(
            -math.inf, 0.0, 0.0 if len(s) else math.nan, n, f"{method}; abstains always: needs {least} {what}, has {n}"
        )
    threshold = float(of_wrong[K - 1]) if len(of_wrong) >= K else math.inf
    coverage = float((s < threshold).mean())
    return AbstentionRule(threshold, K / (n + 1), coverage, n, method)
