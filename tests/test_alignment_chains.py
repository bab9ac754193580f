"""A chain: taught by a teacher's whole answers, then by its own, of which a rule says which are right."""

import pytest

import homogen as hg
from homogen import sampling
from homogen.alignment import Example, chain, says
from homogen.records import Question, Response

pytest.importorskip("trl")
pytestmark = pytest.mark.usefixtures("own_cache")
SUPERVISED = {"doses": (2, 20), "learning_rate": 2e-2, "rank": 4}
PREFERRED = {"doses": (1, 4), "rank": 2}
SPEC = hg.SamplingSpec(model="whatever", n=6, max_new_tokens=4, temperature=2.0, seed=3)


class Says:
    """A teacher that gives each question its answer, and to one of them a cut one."""

    def __init__(self, said):
        self.said, self.identity = said, {"engine": "a teacher made by hand"}

    def generate(self, prompts, spec):
        for prompt in prompts:
            text, how = self.said[prompt.question]
            for sample in range(-1, spec.n):
                yield Response(prompt.question, sample, text, text, how, (-0.5,), (0.7,))


def taught(store, questions, cut=()):
    said = {q.id: (q.references[0], "length" if q.id in cut else "stop") for q in questions}
    spec = hg.SamplingSpec(model="teacher", prompt="{question}", n=1, temperature=0, max_new_tokens=4)
    return sampling.sample(questions, spec, store=store, engine=Says(said))


def asked(n=30):
    return [Question(f"q{i}", "mine", f"w{i + 10:03d} w050", ("w001",)) for i in range(n)]


def test_both_stages_are_made_of_answers_and_the_rule(base, tmp_path):
    store, questions = str(tmp_path / "store"), asked()
    questions[3] = Question("q3", "mine", "w001 w050", ("w001",))  # says its own answer
    teacher = taught(store, questions, cut=("q5",))
    made = chain(base, teacher, SPEC, ["DPO", "SFT again"], SUPERVISED, PREFERRED, seed=1, store=store)
    wanted = [q for q in questions if q.id != "q5"]
    assert list(made.first.rows) == [Example(q.text, "w001") for q in wanted], "what was cut teaches nothing"
    assert (made.first.base, made.first.doses, made.first.seed) == (base, (2, 20), 1)
    run = made.candidates
    assert (run.spec.model, run.spec.seed, run.spec.prompt) == (made.first.model(20), 4, "{question}")
    for i, question in enumerate(questions):
        for k in range(SPEC.n):
            text = run.column("answer", k)[i]
            kept = question.id != "q3" and run.column("finish", k)[i] != "length"
            assert made.usable[i][k] == (text if kept else "")
            assert made.right[i][k] == (kept and "w001" in text.split())
    assert any(map(any, made.right)), "the first stage has taught it"
    pairs = made.stages["DPO"].rows
    assert all("w001" in pair.chosen.split() and "w001" not in pair.rejected.split() for pair in pairs)
    assert [(row.prompt, row.answer) for row in made.stages["SFT again"].rows] == [(p.prompt, p.chosen) for p in pairs]
    assert made.stages["DPO"].base == made.first.model(20)


def test_another_seed_is_another_training_and_draws_anew(base, tmp_path):
    store = str(tmp_path / "store")
    teacher = taught(store, asked())
    one, two = (chain(base, teacher, SPEC, ["DPO"], SUPERVISED, PREFERRED, seed=k, store=store) for k in (0, 1))
    assert one.first.key != two.first.key
    assert one.candidates.answers() != two.candidates.answers()


def test_a_right_answer_says_a_reference():
    question = Question("q", "mine", "Who?", ("Ada Lovelace", "Ada"))
    assert says(["It was ada lovelace.", "Grace", "", "ADA"], question) == [True, False, False, True]
