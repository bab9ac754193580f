"""A cascade that was fitted on some questions and runs on others."""

import doctest
import sys

import numpy as np
import pytest
from test_cascade_validation import planted

from homogen.cascade import Boundary, fit_cascade
from homogen.records import BadInput

NAN = np.nan


def test_doctests():
    assert doctest.testmod(sys.modules[fit_cascade.__module__]).failed == 0


def test_a_fitted_cascade_runs_on_new_questions_and_asks_the_dear_score_for_few():
    wrong, cheap, dear = planted(400)
    train, test = slice(0, 300), slice(300, 400)
    old = [Boundary(b.name, b.cost, b.score[train]) for b in (cheap, dear)]
    fitted = fit_cascade(old, wrong[train], share=0.4)
    asked = []

    def ask(rows):
        asked.extend(rows)
        return dear.score[test][rows]

    new = [Boundary("cheap", 1, cheap.score[test]), Boundary("dear", 9, ask)]
    result = fitted.run(new, questions=range(100))
    assert result.reached[1] == len(asked) / 100 == pytest.approx(0.4, abs=0.15)  # 3 standard errors
    assert result.share_of_parallel_cost == pytest.approx((1 + 9 * len(asked) / 100) / 10, abs=1e-12)
    assert (result.flagged == wrong[test]).mean() > 0.9
    assert (result.stage >= 0).all()
    arrays = [Boundary("cheap", 1, cheap.score[test]), Boundary("dear", 9, dear.score[test])]
    np.testing.assert_array_equal(fitted.run(arrays).flagged, result.flagged)


def test_thresholds_are_symmetric_in_log_odds_and_the_last_stage_decides():
    wrong, cheap, dear = planted(200)
    for share, edge in ((0.0, 0.0), (1.0, np.inf)):
        fitted = fit_cascade([cheap, dear], wrong, share=share)
        assert fitted.thresholds.flag_above.tolist() == [edge, 0.0]
        assert (fitted.thresholds.clear_below == -fitted.thresholds.flag_above).all()
    assert fitted.run([cheap, dear]).reached[1] == 1
    assert 0 < fit_cascade([cheap, dear], wrong).thresholds.flag_above["cheap"] < np.inf
    assert fit_cascade([cheap, dear], wrong, share=0.3).run([cheap, dear]).reached[1] == pytest.approx(0.3, abs=0.01)


def test_a_missing_score_counts_as_an_average_one():
    wrong, cheap, dear = planted(200)
    fitted = fit_cascade([cheap, dear], wrong)
    gap = fitted.run([Boundary("cheap", 1, [NAN]), Boundary("dear", 9, [2.0])])
    mean = fitted.run([Boundary("cheap", 1, [cheap.score.mean()]), Boundary("dear", 9, [2.0])])
    assert (gap.stage.tolist(), gap.flagged.tolist()) == (mean.stage.tolist(), mean.flagged.tolist())


def test_bad_fits():
    wrong, cheap, dear = planted(50)
    with pytest.raises(BadInput, match=r"share must lie in \[0, 1\], got 1.5"):
        fit_cascade([cheap, dear], wrong, share=1.5)
    with pytest.raises(BadInput, match="needs wrong and right answers, got 0 wrong of 50"):
        fit_cascade([cheap, dear], np.zeros(50))
    fitted = fit_cascade([cheap, dear], wrong)
    with pytest.raises(BadInput, match=r"fitted on the boundaries \['cheap', 'dear'\], got \['dear', 'cheap'\]"):
        fitted.run([dear, cheap])
    with pytest.raises(BadInput, match="boundary 'cheap' scores questions, but none are given"):
        fitted.run([Boundary("cheap", 1, len), Boundary("dear", 9, len)])
