"""Does a score tell wrong answers from right ones: estimates with their intervals, and tests.

``score`` is a number a question, higher = less certain; ``wrong`` is true (1) where the answer is wrong, the positive
class. A question whose score or label is NaN is left out and lowers ``coverage``. What cannot be estimated is
``Estimate.undefined`` with the reason. Lengths that differ, infinite scores and labels other than 0, 1 and NaN are a
``BadInput`` (a ValueError of one line), as is any other argument of the wrong kind or out of range. How many resamples,
permutations or splits there are, their seed and the level are one :class:`~homogen.records.Draws`; ``level`` alone is
the confidence level.

Scores of homogenized answers take few distinct values, so ties matter. AUROC counts one as half, and quantities of a
ranking are their expectation over all orders of the tied rows, in closed form: nothing depends on the order of rows.
Bootstraps draw questions with replacement, from sorted rows, and take percentiles (Efron and Tibshirani 1993, chapter
13). Where that covers less than it says, other intervals stand: Newcombe's for an AUROC with fewer than ten of a class
(none below two), Student's t for paired differences (none below six pairs). Where all resamples agree (one question,
perfect separation) an interval of no width would pass for certainty: its ends are NaN, with the reason in ``method``.
It stays only where the value is so by construction, as the 0.5 of a constant score.

The rooms: ``ranking`` (AUROC, PR-AUC), ``rivals`` (tests of two scores), ``rejection`` (risk and coverage),
``abstention`` (a threshold with a guarantee), ``covariate`` (what a score says beyond a covariate), ``calibration``
(whether forecasts mean what they say), ``forecasts`` (made of a score, out of fold), ``comparison`` (means, effects and
several tests at once), ``paired`` (two numbers of each question), ``proportions`` (yes and no of one or two arms),
``matching`` (groups made alike in what else sets them apart), ``dependence`` (two scores of the same questions) and
``selection`` (groups picked by their own result).
"""

from homogen.evaluation._base import PermutationResult, Row, TestResult, against_null
from homogen.evaluation.abstention import AbstentionRule, conformal_abstention
from homogen.evaluation.calibration import BrierParts, brier, brier_decomposition, calibration_test, ece, reliability
from homogen.evaluation.comparison import cohens_d, holm, mean, mean_over_lots
from homogen.evaluation.covariate import likelihood_ratio_test, partial_auroc_given
from homogen.evaluation.dependence import correlation_test, distance_correlation, hsic, mutual_information, pearson
from homogen.evaluation.forecasts import isotonic, platt, temperature
from homogen.evaluation.matching import stratified_difference
from homogen.evaluation.paired import paired_difference, paired_wilcoxon, tost
from homogen.evaluation.proportions import fisher, mcnemar, wilson
from homogen.evaluation.ranking import auroc, fitted_test, pr_auc
from homogen.evaluation.rejection import accuracy_at_coverage, aurc, excess_aurc, prr, risk_coverage, risk_reduction
from homogen.evaluation.rivals import bootstrap_test, delong_test
from homogen.evaluation.selection import SelectedGroup, selected_auroc, split_half, within_category_permutation
from homogen.records.exports import public as _public

__all__ = _public(globals())
