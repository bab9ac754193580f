"""The runs of a chapter that are there, the strongest of them, and what each says of itself."""

import doctest

import nbformat
import pytest
from tiny_chapters import DRAWS, GOOD, one_line, write

from homogen.book import runs
from homogen.book.profiles import BOOK, COMMITTED, STRENGTH
from homogen.book.running import execute
from homogen.evaluation import wilson
from homogen.records import BadInput


@pytest.fixture
def tiny(tmp_path):
    """A chapter on models, which draws."""
    return write(tmp_path / "notebooks" / "tiny.md", parameters=DRAWS, draws=[{"models": "model"}])


def leave(chapter, profile, folder):
    """Put a file where a run would lie."""
    path = runs.run_of(chapter, profile, folder).output
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")


def test_profiles_are_ranked_and_all_but_the_books_own_are_kept():
    assert STRENGTH == ("paper", "gpu", "desk", "pocket")
    assert STRENGTH[-1] == BOOK[0]
    assert set(COMMITTED) == {*STRENGTH, *BOOK} - {"pocket"}


def test_runs_are_found_the_strongest_first(tiny, tmp_path):
    for name in ("small", "pocket", "mine", "paper", "desk"):
        leave(tiny, name, tmp_path)
    (tmp_path / "gpu").mkdir()
    (tmp_path / "gpu" / "tiny.failed.ipynb").write_text("{}")
    (tmp_path / "gpu" / "tinier.ipynb").write_text("{}")
    found = runs.runs_of(tiny, tmp_path)
    assert [run.profile for run in found] == ["paper", "desk", "pocket", "mine", "small"]
    assert found[1].output == tmp_path / "desk" / "tiny.ipynb"
    assert found[1].findings == tmp_path / "desk" / "findings" / "tiny.json"


@pytest.mark.parametrize(
    ("there", "executed", "shown"),
    [
        ([], "", "pocket"),
        (["pocket"], "pocket", "pocket"),
        (["desk", "pocket"], "", "desk"),
        (["desk", "gpu"], "pocket", "gpu"),
        (["desk", "gpu"], "gpu", "gpu"),
        (["desk", "paper"], "gpu", "paper"),
        (["desk"], "gpu", "gpu"),
        (["desk"], "mine", "desk"),
        (["small", "mine"], "pocket", "pocket"),
        (["pocket"], "mine", "mine"),
    ],
)
def test_a_page_shows_the_strongest_run_there_is(there, executed, shown, tiny, tmp_path):
    for name in there:
        leave(tiny, name, tmp_path / "results")
    assert runs.shown(tiny, executed, tmp_path / "results") == shown


def test_a_chapter_on_files_has_one_run(tmp_path):
    chapter = write(tmp_path / "nb" / "old.md", files=["published/v9_summary.json"])
    leave(chapter, "paper", tmp_path)
    assert runs.shown(chapter, results=tmp_path) == "released"
    assert runs.shown(chapter, "pocket", tmp_path) == "pocket"


# What a run says of itself


def test_a_kept_run_says_what_it_was(tmp_path):
    chapter = write(tmp_path / "notebooks" / "tiny.md", GOOD)
    run = runs.run_of(chapter, "desk", tmp_path)
    execute(chapter, {"n": 4}, run.output, run.findings.parent, "desk", live=False)
    found = runs.about(chapter, run)
    assert (found["profile"], found["parameters"]) == ("desk", {"n": 4})

    findings = run.findings.read_text("utf-8")
    run.findings.write_text(findings.replace("4.0", "5.0"))
    with pytest.raises(
        BadInput, match=r"findings/tiny\.json does not hold the findings that .*tiny\.ipynb left; put "
    ) as m:
        runs.about(chapter, run)
    assert "'homogen run --profile desk'" in one_line(m)
    run.findings.write_text(findings)

    for damage in ("", "{", "{}", nbformat.writes(nbformat.v4.new_notebook())):
        run.output.write_text(damage)
        with pytest.raises(BadInput, match=r"desk/tiny\.ipynb is no executed chapter") as mistake:
            runs.about(chapter, run)
        one_line(mistake)


HALF = ", which tell a rate near one half to ±0.12"
ABOUT = {
    "profile": "desk",
    "device": "CPU, 2 cores, x86_64",
    "parameters": {"model": "some/one", "benchmark": "pocket", "limit": 60},
    "weights": {"some/one": "0123456789ab", "wordllama": "ab"},
}


def test_a_run_is_told_in_a_line(tiny):
    assert runs.told(tiny, ABOUT) == (
        f"profile **desk**; `some/one`; CPU, 2 cores, x86_64; 60 questions of `pocket`{HALF}"
    )


def told(chapter, **changed):
    return runs.told(chapter, ABOUT | changed).split("; ")


def test_a_benchmark_is_not_larger_than_it_is(tiny):
    assert (
        told(tiny, parameters=ABOUT["parameters"] | {"limit": 9999})[-1]
        == "150 questions of `pocket`, which tell a rate near one half to ±0.08"
    )
    assert (
        told(tiny, parameters=ABOUT["parameters"] | {"limit": 1})[-1]
        == "1 question of `pocket`, which tells a rate near one half to ±0.45"
    )


def test_what_so_many_questions_tell_is_half_of_wilsons_interval(tiny):
    for n in (4, 30, 60, 150):
        rate = wilson(n // 2, n)
        line = told(tiny, parameters=ABOUT["parameters"] | {"limit": n})[-1]
        assert float(line.rpartition("±")[2]) == pytest.approx((rate.high - rate.low) / 2, abs=0.005)


def test_weights_that_were_not_had_are_none_of_a_runs_models(tiny):
    absent = told(tiny, absent=["some/one"])
    assert absent == ["profile **desk**", "CPU, 2 cores, x86_64", f"60 questions of `pocket`{HALF}"]
    assert told(tiny, weights={"some/one": ""}) == absent
    own = ABOUT["parameters"] | {"model": "./own", "base_model": "smollm2-135m-instruct"}
    assert told(tiny, parameters=own, weights={"./own": ""})[1] == "`./own`, `smollm2-135m-instruct`"


def test_several_benchmarks_are_all_named(tmp_path):
    lines = 'model: str = "some/one"  # m [model]\nbenchmarks: list = ["pocket"]  # q\nlimits: list = [5]  # l\n'
    chapter = write(
        tmp_path / "nb" / "many.md", parameters=lines, draws=[{"models": "model", "questions": "max(limits)"}]
    )
    parameters = {"benchmarks": ["pocket", "gsm8k"], "limits": [1000, 1319]}
    half = "which tell a rate near one half to ±0.03 at best"
    assert told(chapter, parameters=parameters)[-1] == f"up to 1,319 questions each of `pocket`, `gsm8k`, {half}"


def test_a_run_of_earlier_code_is_told_as_far_as_it_can_be(tmp_path):
    lines = 'model: str = "some/one"  # m [model]\nbenchmark: str = "pocket"  # q [benchmark]\n'
    chapter = write(tmp_path / "nb" / "late.md", parameters=lines, draws=[{"models": "models", "questions": "limit"}])
    gone = {"parameters": {"model": "some/one", "gone": 3}, "device": None, "profile": ""}
    assert runs.told(chapter, gone | {"weights": {"some/one": "ab"}}) == (
        "profile **none**; `some/one`; an unknown device"
    )
    assert runs.told(chapter, {}) == "profile **none**; an unknown device"


def test_examples_hold():
    assert not doctest.testmod(runs).failed
