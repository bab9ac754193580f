"""Training a tiny model: the loss falls, doses are kept, a kill costs little, stages follow one another."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import CHAT_TEMPLATE, END, WORDS, make_model, word_tokenizer
from transformers import TrainerCallback

import homogen as hg
from homogen import alignment
from homogen.alignment import Example, Preference, Recipe, losses, train, training
from homogen.engines.transformers import TransformersEngine
from homogen.models import load_model, trained
from homogen.models.catalogue import Unavailable
from homogen.records import BadInput, Question
from homogen.sampling import packed

pytest.importorskip("trl")
pytestmark = pytest.mark.usefixtures("own_cache")
EXAMPLES = [Example(f"w{i:03d} w001", f"w{i + 1:03d}") for i in range(16)]
PAIRS = [Preference(f"w{i:03d} w001", f"w{i + 1:03d}", f"w{i:03d}") for i in range(16)]


def made(base, **fields):
    kind = PAIRS if fields.get("objective") == "dpo" else EXAMPLES
    settings = {"rows": kind, "doses": (5, 30), "rank": 4, "learning_rate": 2e-2}
    return Recipe(**{"base": base, **settings, **fields})


def logprob(model, rows, answer):
    """Mean log-probability of an answer's tokens and of the end, by a forward pass of our own."""
    import torch

    loaded = load_model(model, "cpu", "float32")
    space, total = "" if loaded.chat else " ", []
    for row in rows:
        prompt = loaded.wrap(row.prompt)
        start = loaded.tokenizer(prompt)["input_ids"]
        ids = torch.tensor([loaded.tokenizer(f"{prompt}{space}{getattr(row, answer)}{END}")["input_ids"]])
        with torch.inference_mode():
            said = loaded.network(ids).logits[0].log_softmax(-1)
        total.append(np.mean([said[t - 1, ids[0, t]] for t in range(len(start), ids.shape[1])]))
    return float(np.mean(total))


def test_supervised_training_makes_the_answers_likelier_dose_by_dose(base):
    recipe = made(base)
    assert train(recipe) == [recipe.model(5), recipe.model(30)]
    before, early, late = (logprob(model, EXAMPLES, "answer") for model in (base, *recipe.models))
    assert before < early < late
    log = losses(recipe)
    assert [row["step"] for row in log] == list(range(1, 31))
    assert log[-1]["loss"] < 0.7 * log[0]["loss"]
    # The first step's loss is that of the base, on the rows of its batch: a mean over answers' tokens.
    assert math.isclose(log[0]["loss"], -before, rel_tol=0.3)


@pytest.mark.parametrize("chat", [False, True])
def test_the_loss_is_of_the_answers_tokens_alone(base, chat, tmp_path):
    if chat:
        base = make_model(tmp_path / "chat", word_tokenizer(WORDS, f"{CHAT_TEMPLATE} "), "llama", seed=5, ends=(END,))
    recipe = made(base, rows=EXAMPLES[:4], doses=(1,))  # a step takes them all
    train(recipe)
    assert math.isclose(losses(recipe)[0]["loss"], -logprob(base, EXAMPLES[:4], "answer"), rel_tol=1e-5)


def test_preference_training_parts_the_two_answers(base):
    recipe = made(base, objective="dpo", learning_rate=5e-3)
    train(recipe)
    margin = [logprob(m, PAIRS, "chosen") - logprob(m, PAIRS, "rejected") for m in (base, *recipe.models)]
    assert margin[0] < margin[1] < margin[2]
    log = losses(recipe)
    assert math.isclose(log[0]["loss"], math.log(2), rel_tol=1e-5), "at the start policy and base are one"
    assert log[-1]["rewards/accuracies"] == 1.0


def test_alpha_weighs_the_policys_own_term(base):
    """Before the first update the loss is -ln sigma(beta (alpha - 1) (ln p(chosen) - ln p(rejected)))."""
    beta, alpha = 0.3, 2.5
    recipe = made(base, objective="dpo", rows=PAIRS[:4], doses=(1,), beta=beta, alpha=alpha)
    train(made(base, objective="dpo", rows=PAIRS[:4], doses=(1,), beta=beta))  # DPO's own, on the same rows, before it
    train(recipe)
    count = 2  # tokens of an answer and its end
    parts = [count * (logprob(base, [pair], "chosen") - logprob(base, [pair], "rejected")) for pair in PAIRS[:4]]
    expected = np.mean([np.log1p(np.exp(-beta * (alpha - 1) * part)) for part in parts])
    assert math.isclose(losses(recipe)[0]["loss"], expected, rel_tol=1e-4)


def test_the_same_recipe_makes_the_same_weights_and_nothing_twice(base, own_cache, monkeypatch):
    recipe = made(base)
    train(recipe)
    file = trained.folder_of(recipe.model(30)) / trained.WEIGHTS
    first = file.read_bytes()
    monkeypatch.setattr(training, "load_model", lambda *_: pytest.fail("a training that is done was run again"))
    train(recipe)
    monkeypatch.undo()
    monkeypatch.setenv("HOMOGEN_CACHE", str(own_cache / "other"))
    train(recipe)
    assert (trained.folder_of(recipe.model(30)) / trained.WEIGHTS).read_bytes() == first
    assert not (trained.home_of(recipe.key) / "checkpoints").exists()


def test_a_second_stage_begins_where_the_first_has_ended(base):
    first = made(base)
    second = made(first.model(30), objective="dpo", doses=(1, 20), learning_rate=5e-3)
    with pytest.raises(Unavailable, match="was not trained on this machine"):
        train(second)
    train(first)
    train(second)
    parent, start = (logprob(m, PAIRS, "chosen") for m in (first.model(30), second.model(1)))
    assert math.isclose(parent, start, abs_tol=1e-4), "the first update has no rate yet"
    assert logprob(second.model(20), PAIRS, "chosen") != pytest.approx(parent, abs=1e-3)
    assert load_model(second.model(20), "cpu").root == base


def test_a_trained_model_answers_like_any_other(base, tmp_path):
    recipe = made(base)
    train(recipe)
    questions = [Question(f"q{i}", "mine", row.prompt, (row.answer,)) for i, row in enumerate(EXAMPLES)]
    fields = {"prompt": "{question}", "n": 2, "max_new_tokens": 4, "seed": 1}

    def answers(model):
        return hg.sample(questions, hg.SamplingSpec(model=model, **fields), tmp_path / "store")

    before, after = answers(base), answers(recipe.model(30))
    right = [sum(a == q.references[0] for a, q in zip(run.greedy(), questions, strict=True)) for run in (before, after)]
    assert right[0] < right[1]
    assert after.identity["revision"] == recipe.model(30)
    # What it drew is known for its own wherever the recipe is, adapters or not.
    packed.pack(tmp_path / "store")
    trained.folder_of(recipe.model(30)).joinpath(trained.WEIGHTS).unlink()
    assert answers(recipe.model(30)).answers() == after.answers()


def test_a_chat_models_chain_is_asked_in_its_template(tmp_path):
    folder = make_model(tmp_path / "chat", word_tokenizer(WORDS, CHAT_TEMPLATE), "llama", seed=5, ends=(END,))
    recipe = made(folder, doses=(1,))
    train(recipe)
    loaded = load_model(recipe.model(1), "cpu")
    assert loaded.chat
    assert loaded.root == folder
    own = make_model(tmp_path / "own-base", word_tokenizer(WORDS, CHAT_TEMPLATE), "llama", seed=5, ends=(END,))
    recipe = made(own, doses=(1,))
    train(recipe)
    assert not load_model(recipe.model(1), "cpu").chat, "a base model's template stays out"


KILLED = """
import sys
sys.path[:0] = sys.argv[1:2]
from test_alignment_training import made
from homogen.alignment import train
train(made(sys.argv[2], doses=tuple(map(int, sys.argv[3].split(","))), objective=sys.argv[4]))
"""


def weights(recipe, dose):
    return (trained.folder_of(recipe.model(dose)) / trained.WEIGHTS).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["sft", "dpo"])
def test_a_training_that_is_killed_goes_on_from_its_last_dose(objective, base, own_cache, monkeypatch):
    doses = tuple(range(5, 405, 5))
    recipe = made(base, doses=doses, objective=objective)
    home = trained.home_of(recipe.key)
    arguments = [os.path.dirname(__file__), base, ",".join(map(str, doses)), objective]
    child = subprocess.Popen([sys.executable, "-c", KILLED, *arguments])
    deadline = time.monotonic() + 120
    while not (home / "15").is_dir():
        assert child.poll() is None, "the child ended"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    reached = max(int(p.name) for p in home.iterdir() if p.name.isdigit())
    assert 15 <= reached < 400
    short = made(base, doses=doses[: doses.index(reached) + 4], objective=objective)
    steps = []

    class Looks(TrainerCallback):
        def on_train_begin(self, args, state, control, **_):
            steps.append(state.global_step)

    train(short, callbacks=[Looks()])
    assert steps
    assert 0 < steps[0] <= reached
    resumed, log = [weights(short, dose) for dose in short.doses], losses(short)
    monkeypatch.setenv("HOMOGEN_CACHE", str(own_cache / "in one go"))
    train(short)
    assert [weights(short, dose) for dose in short.doses] == resumed
    assert losses(short) == log


def test_a_dose_before_the_last_checkpoint_is_made_all_the_same(base):
    recipe = made(base, doses=(2, 4, 6))

    class Dies(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, callbacks=[Dies()])
    early = made(base, doses=(1, 4))
    assert train(early) == early.models
    assert weights(early, 1) != weights(early, 4)
    assert train(recipe) == recipe.models


class Spoils(TrainerCallback):
    """Puts what is no number into the log of the fourth step, before it is looked at."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def on_log(self, args, state, control, logs=None, **_):
        if state.global_step == 4:
            logs[self.name] = self.value


def test_a_loss_that_is_no_number_stops_and_keeps_what_was_reached(base):
    recipe = made(base, doses=(2, 9))
    with pytest.raises(BadInput, match="the loss is nan at step 4; the model after 2 steps is kept; try a lower"):
        train(recipe, callbacks=[Spoils("loss", math.nan)])
    assert trained.folder_of(recipe.model(2)).is_dir()
    with pytest.raises(Unavailable):
        trained.folder_of(recipe.model(9))


def test_a_full_disk_is_said_and_costs_no_dose(base, monkeypatch):
    recipe = made(base, doses=(2, 4))
    copy = shutil.copyfile

    def full(source, target):
        if "checkpoint-4" in str(source):
            raise OSError(28, "No space left on device")
        return copy(source, target)

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(BadInput, match=r"cannot keep the training in .*No space left on device; make room there"):
        train(recipe)
    assert trained.folder_of(recipe.model(2)).is_dir()
    assert losses(recipe) == []
    monkeypatch.setattr("shutil.copyfile", copy)
    assert train(recipe) == recipe.models, "with room again the dose is made, although its checkpoint is there"
    assert weights(recipe, 4) != weights(recipe, 2)
    assert len(losses(recipe)) == 4


def test_of_a_training_that_lost_its_log_alone_the_models_stay(base):
    recipe = made(base, doses=(2, 4))
    train(recipe)
    log = trained.home_of(recipe.key) / training.LOG
    told, before = json.loads(log.read_text()), [weights(recipe, dose) for dose in recipe.doses]
    assert told["device"].startswith("CPU")
    assert {"trl", "peft", "torch"} <= set(told["versions"])
    log.unlink()
    train(recipe)
    assert json.loads(log.read_text())["log"] == told["log"]
    assert [weights(recipe, dose) for dose in recipe.doses] == before


def test_a_longer_training_of_the_same_recipe_keeps_what_is_there_and_a_shorter_one_its_log(base):
    short, long = made(base, doses=(2, 4)), made(base, doses=(3, 6))
    train(short)
    train(long)
    assert [row["step"] for row in losses(short)] == [1, 2, 3, 4, 5, 6]
    file = trained.home_of(short.key) / "2" / trained.WEIGHTS
    touched = file.stat().st_mtime_ns
    train(made(base, doses=(2, 5)))
    assert file.stat().st_mtime_ns == touched
    assert len(losses(short)) == 6


def test_a_gradient_that_is_no_number_is_seen_before_its_model_is_kept(base):
    recipe = made(base, doses=(2, 4))
    with pytest.raises(BadInput, match="the gradient is inf at step 4; the model after 2 steps is kept"):
        train(recipe, callbacks=[Spoils("grad_norm", math.inf)])
    with pytest.raises(Unavailable):
        trained.folder_of(recipe.model(4))


def test_a_prompt_without_room_for_its_answer_is_refused(base):
    rows = [*EXAMPLES, Example(" ".join(WORDS[:20]), "w001")]
    with pytest.raises(BadInput, match="1 of 17 prompts leave no room for an answer within max_length=12 tokens"):
        train(made(base, rows=rows, max_length=12, doses=(1,)))


def test_a_model_that_cannot_end_an_answer_cannot_be_taught(tmp_path):
    folder = make_model(tmp_path / "endless", word_tokenizer(WORDS), "llama", ends=(END,))
    config = tmp_path / "endless" / "tokenizer_config.json"
    config.write_text(json.dumps({k: v for k, v in json.loads(config.read_text()).items() if k != "eos_token"}))
    with pytest.raises(BadInput, match="has no token that ends an answer"):
        train(made(folder, doses=(1,)))


@pytest.mark.parametrize("adds", [True, False])
def test_what_is_read_in_training_is_what_the_engines_read(adds):
    """A chat template may write the beginning's mark that the tokenizer adds too."""

    class Tokenizer:
        bos_token = "<s>"

        def __call__(self, text, add_special_tokens=True):
            marked = adds and add_special_tokens
            return {"input_ids": (["<s>"] if marked else []) + text.replace("<s>", "<s> ").split()}

    def base(chat):
        return SimpleNamespace(tokenizer=Tokenizer(), chat=chat, name="made up")

    assert training._asked(base(True), "<s>hello") == ("hello" if adds else "<s>hello")
    assert training._asked(base(False), "hello") == "hello"
    if adds:
        with pytest.raises(BadInput, match="puts marks around a prompt that its chat template does not have"):
            training._asked(base(True), "hello")


def test_a_base_that_has_moved_is_the_same_base(base, tmp_path):
    first = made(base, doses=(1,))
    train(first)
    shutil.copytree(base, tmp_path / "moved")
    moved = made(str(tmp_path / "moved"), doses=(1,))
    assert moved.key == first.key
    train(moved)
    assert load_model(moved.model(1), "cpu").root == str(tmp_path / "moved")


def test_an_adapter_that_is_damaged_is_named(base):
    recipe = made(base, doses=(1,))
    train(recipe)
    (trained.folder_of(recipe.model(1)) / trained.WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(BadInput, match=f"model '{recipe.model(1)}' could not be loaded"):
        load_model(recipe.model(1), "cpu")


def test_a_folder_with_another_training_is_not_gone_on_with(base):
    recipe = made(base, doses=(1,))
    home = trained.home_of(recipe.key)
    home.mkdir(parents=True)
    (home / trained.ABOUT).write_text(json.dumps(recipe.told() | {"seed": 7}))
    with pytest.raises(BadInput, match="holds a training with another seed; delete the folder"):
        train(recipe)
    (home / trained.ABOUT).write_text("half a fi")
    with pytest.raises(BadInput, match=r"recipe.json cannot be read .*delete its folder"):
        train(recipe)


def test_a_base_whose_weights_have_changed_is_named(base, tmp_path):
    other = make_model(tmp_path / "changing", word_tokenizer(WORDS), "llama", seed=1, ends=(END,))
    recipe = made(other, doses=(1,))
    train(recipe)
    make_model(tmp_path / "changing", word_tokenizer(WORDS), "llama", seed=2, ends=(END,))
    with pytest.raises(BadInput, match="was trained on other weights of"):
        load_model(recipe.model(1), "cpu")


def test_two_do_not_train_the_same_at_once(base):
    recipe = made(base, doses=(1,))
    with (
        training._held(trained.home_of(recipe.key)),
        pytest.raises(BadInput, match="another process carries out the training"),
    ):
        train(recipe)


def test_without_the_libraries_the_mend_is_named(base, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(Unavailable, match=r"training wants trl and peft .*pip install -e '.\[train\]'"):
        train(made(base))
    assert losses(made(base)) == []


def test_the_engine_takes_it_by_name(base):
    recipe = made(base, doses=(1,))
    train(recipe)
    assert TransformersEngine(recipe.model(1), "cpu").identity["revision"] == recipe.model(1)
    assert alignment.Recipe is Recipe
