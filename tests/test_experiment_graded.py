import numpy as np
import pytest
from conftest import ask

from homogen import experiment, grading, sampling
from homogen.grading.judging import judge_prompts
from homogen.records import SamplingSpec


@pytest.fixture
def run(model_folders, tmp_path):
    sampling.forget()
    yield sampling.sample(ask(3), SamplingSpec(model_folders["llama"], n=2, max_new_tokens=4, seed=1), tmp_path)
    sampling.forget()


def test_by_rules_the_runs_own_answers_are_graded_and_both_departures_told(run, tmp_path):
    found = experiment.graded(run, store=str(tmp_path))
    assert found.run is run
    np.testing.assert_array_equal(found.wrong, grading.wrong(run.greedy(), run.questions))
    assert found.departs == f"{experiment.GREEDY_DEPARTS}; {experiment.GRADED_DEPARTS}"
    assert found.asked == experiment.GREEDY_DEPARTS


def test_a_brief_answer_is_as_long_as_the_papers_and_drawn_for_its_own_prompt(run, tmp_path):
    found = experiment.graded(run, brief=True, store=str(tmp_path), device="cpu")
    spec = found.run.spec
    assert (spec.prompt, spec.max_new_tokens, spec.model, spec.seed) == ("brief", 200, run.spec.model, run.spec.seed)
    assert [q.id for q in found.run.questions] == [q.id for q in run.questions]
    assert max(map(len, found.run.column("token_entropies"))) > 4
    assert found.asked.startswith("a system's message in words of ours")
    assert found.departs == f"{found.asked}; {experiment.GRADED_DEPARTS}"


def test_a_judges_grades_are_kept_and_taken_without_the_weights(run, tmp_path, monkeypatch):
    judge = run.spec.model
    found = experiment.graded(run, judge=judge, store=str(tmp_path), device="cpu")
    prompts = judge_prompts(run.greedy(), run.questions)
    yes, no = experiment.word_logprobs(judge, prompts, ("yes", "no"), "cpu").T
    np.testing.assert_array_equal(found.wrong, no > yes)
    assert found.departs == experiment.GREEDY_DEPARTS
    monkeypatch.setattr("homogen.sampling.engine_of", lambda *_: pytest.fail("the model was loaded"))
    again = experiment.graded(run, judge=judge, store=str(tmp_path), device="cpu")
    np.testing.assert_array_equal(again.wrong, found.wrong)
