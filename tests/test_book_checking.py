"""What a chapter is asked for is held against what its parameters may be, before anything runs."""

import pytest
from tiny_chapters import DRAWS, one_line, put_file, write

from homogen.book.checking import check, weights_of
from homogen.questions import sources
from homogen.records import BadInput


def test_folders_and_hub_ids_can_be_weights(tmp_path):
    chapter = write(tmp_path / "nb" / "tiny.md", parameters=DRAWS)
    for name in (str(tmp_path), "owner/name"):
        check(chapter, {"model": name, "base_model": name, "embedder": name, "embedders": [name]})
    trained = "trained-0123456789abcdef-80"
    check(chapter, {"model": trained})
    with pytest.raises(BadInput, match=f"unknown embedder '{trained}'"):
        check(chapter, {"embedder": trained})


WEIGHTS = """pairs: list = [["gemma-3-270m", "smollm2-135m-instruct"]]  # before, after [pair]
model: str = "smollm2-135m-instruct"  # one [model unless base_url]
twin: str = ""  # or none [model?]
nli: str = ""  # or none [nli?]
nlis: list = ["deberta-v3-base"]  # some [nli]
base_url: str = ""  # a server [url?]
api: str = "chat"  # of it [chat | completions]
dialect: str = "extended"  # of it [extended | openai | transformers]
device: str = "cpu"  # where [auto | cpu | cuda]
"""
WRONG_WEIGHTS = {
    "a name in a pair": ({"pairs": [["gemma-3-270m", "smolm2"]]}, "unknown model 'smolm2'"),
    "a number in a pair": ({"pairs": [["gemma-3-270m", 3]]}, "unknown model '3'"),
    "nothing in a pair": ({"pairs": [["", "gemma-3-270m"]]}, "unknown model ''"),
    "a name nearly right": (
        {"pairs": [["gemma-3-270m", "gemma"]]},
        "unknown model 'gemma'; did you mean 'gemma-3-270m'",
    ),
    "an embedder": ({"pairs": [["gemma-3-270m", "wordllama"]]}, "pairs: 'wordllama' is no model; there are: "),
    "a level": ({"model": "gemma-3-270m:q4"}, "unknown quantization of gemma-3-270m 'q4'; did you mean 'q4_0'"),
    "a level in a pair": ({"pairs": [["a/b:nf5", "a/b"]]}, "unknown quantization of a/b 'nf5'; did you mean 'nf4'"),
    "a level of no model": ({"model": "gema-3-270m:q4_0"}, "unknown model 'gema-3-270m:q4_0'"),
    "a twin": ({"twin": "smolm2"}, "unknown model 'smolm2'"),
    "an NLI model": ({"nli": "deberta-v3-tiny"}, "unknown NLI model 'deberta-v3-tiny'; did you mean 'deberta-v3-"),
    "one of them": ({"nlis": ["deberta-v3-base", ""]}, "unknown NLI model ''"),
    "an embedder to judge": ({"nli": "wordllama"}, "nli: 'wordllama' is no NLI model; there are: deberta-v3-"),
    "a judge to generate": ({"model": "deberta-v3-base"}, "unknown model 'deberta-v3-base'"),
    "no hub id": ({"model": "../a"}, "unknown model '../a'"),
    "half a pair": ({"pairs": [["gemma-3-270m"]]}, "pairs must be lists of two models, [[before, after], …], got"),
    "a pair of one": ({"pairs": [["a/b", "a/b"]]}, "pairs must be lists of two models"),
    "no pair": ({"pairs": ["a/b", "a/c"]}, "pairs must be lists of two models"),
    "an empty pair": ({"pairs": [[]]}, "pairs must be lists of two models"),
    "three models": ({"pairs": [["a/b", "a/c", "a/d"]]}, "pairs must be lists of two models"),
    "a list in a pair": ({"pairs": [["a/b", ["a/c"]]]}, "pairs must be lists of two models"),
    "no address": (
        {"base_url": "localhost:8000"},
        "base_url must begin with http:// or https://, got 'localhost:8000'",
    ),
    "an api": ({"api": "chats"}, "unknown api 'chats'; did you mean 'chat'"),
    "a dialect": ({"dialect": "openais"}, "unknown dialect 'openais'; did you mean 'openai'"),
    "a device": ({"device": "tpu"}, "unknown device 'tpu'"),
}


@pytest.mark.parametrize("case", WRONG_WEIGHTS)
def test_a_name_of_weights_that_cannot_be_is_refused_wherever_it_stands(case, tmp_path):
    given, message = WRONG_WEIGHTS[case]
    with pytest.raises(BadInput) as mistake:
        check(write(tmp_path / "tiny.md", parameters=WEIGHTS), given)
    assert message in one_line(mistake)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"model": "smollm2-135m-instruct:q8_0"},
        {"model": "owner/name:nf4"},
        {"pairs": [["a/base:q4_0", "a/instruct:q4_0"], ["b/base", "b/instruct"]]},
        {"nli": "deberta-v3-xsmall", "nlis": ["deberta-v3-large", "owner/judge"]},
        {"twin": "owner/name"},
        # What a server calls its model is no business of ours.
        {"base_url": "http://localhost:8000/v1", "model": "gpt-4o-mini"},
    ],
)
def test_levels_pairs_and_judges_can_be_weights(given, tmp_path):
    check(write(tmp_path / "tiny.md", parameters=WEIGHTS), given)


LISTS = """
benchmarks: list = ["pocket"]  # q [benchmark]
limits: list = [5]  # of each [at least 1, as many as benchmarks]
temperatures: list = [0.2]  # t [temperature?]
nuclei: list = []  # p [top_p?]
lengths: list = [10]  # tokens [max_new_tokens]
levels: list = ["q8_0"]  # of rounding [level]
thresholds: list = [0.8]  # of cosines [-1 to 1]
models: list = ["gemma-3-270m"]  # who [model]
resamples: int = 100  # of the bootstrap [at least 1]
sizes: list = [3]  # of sets [at least 1]
coverages: list = [0.5, 1]  # shares kept [1e-6 to 1]
rules: list = ["liu", "either"]  # of clustering [rule]
alpha: float = 0.2  # of the promise [between 0 and 1]
compared: list = [0.2, 1.0]  # temperatures [temperature, 2 different]
seed: int = 1  # of chance
cosine_threshold: float = 0.85  # of embeddings [-1 to 1]
"""
WRONG_VALUES = {
    "no model": ({"models": []}, "models must name at least one"),
    "a limit": ({"limits": [0]}, "limits must be at least 1, got 0"),
    "a limit of text": ({"limits": ["5"]}, "limits must be at least 1, got '5'"),
    "a limit too many": ({"limits": [5, 5]}, "limits must be as many as benchmarks, got [5, 5] for ['pocket']"),
    "a benchmark": ({"benchmarks": ["poket"]}, "unknown benchmark 'poket'; did you mean 'pocket'"),
    "a list in a list": ({"benchmarks": [["pocket"]]}, "unknown benchmark"),
    "a file": ({"benchmarks": ["mine.jsonl"]}, "no such question file: mine.jsonl"),
    "a temperature": ({"temperatures": [0.2, -1]}, "temperatures: temperature must be at least 0, got -1"),
    "a truth value": ({"temperatures": [True]}, "temperatures: temperature must be a finite number, got True"),
    "a nucleus": ({"nuclei": [1.5]}, "nuclei: top_p must lie in (0, 1], got 1.5"),
    "a length": ({"lengths": [10, 0]}, "lengths: max_new_tokens must be at least 1, got 0"),
    "a level": ({"levels": ["q4"]}, "unknown level of quantization 'q4'; did you mean 'q4_0'"),
    "a threshold": ({"thresholds": [0.8, 2]}, "thresholds must lie between -1 and 1, got 2"),
    "a threshold by itself": ({"cosine_threshold": -1.5}, "cosine_threshold must lie between -1 and 1, got -1.5"),
    "no resamples": ({"resamples": 0}, "resamples must be at least 1, got 0"),
    "a number beyond all use": ({"resamples": 10**400}, "resamples must lie between -1,000,000,000,000 and 1,000,000,"),
    "one far below": ({"seed": -(10**400)}, "seed must"),
    "no threshold": ({"thresholds": []}, "thresholds must name at least one"),
    "no size": ({"sizes": []}, "sizes must name at least one"),
    "no coverage": ({"coverages": []}, "coverages must name at least one"),
    "nothing kept": ({"coverages": [0.5, 0]}, "coverages must lie between 1e-06 and 1, got 0"),
    "no promise": ({"alpha": 0}, "alpha must lie between 0 and 1, neither 0 nor 1, got 0"),
    "all promised": ({"alpha": 1}, "alpha must lie between 0 and 1, neither 0 nor 1, got 1"),
    "no rule": ({"rules": []}, "rules must name at least one"),
    "a rule": ({"rules": ["liu", "farquar"]}, "unknown rule 'farquar'; did you mean 'farquhar'"),
    "nothing to compare": ({"compared": [0.2]}, "compared must be 2 different values, got [0.2]"),
    "one compared with itself": ({"compared": [0.2, 0.2]}, "compared must be 2 different values, got [0.2, 0.2]"),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
@pytest.mark.parametrize("here", [True, False])
def test_a_value_out_of_range_is_refused_wherever_it_stands(case, here, tmp_path):
    given, message = WRONG_VALUES[case]
    made = write(tmp_path / "tiny.md", parameters=LISTS)
    check(made, {"nuclei": [0.9, 1]}, here)
    with pytest.raises(BadInput) as mistake:
        check(made, given, here)
    assert message in one_line(mistake)


def test_a_list_must_name_something_unless_its_line_says_otherwise(tmp_path):
    lines = 'embedders: list = ["wordllama"]  # e [embedder?]\nmodels: list = ["owner/name"]  # m [model]'
    made = write(tmp_path / "tiny.md", parameters=lines)
    check(made, {"embedders": []})
    with pytest.raises(BadInput, match="models must name at least one"):
        check(made, {"models": []})


def test_a_choice_is_one_of_its_words(tmp_path):
    made = write(tmp_path / "tiny.md", parameters='how: str = "one"  # way [one | other]')
    check(made, {"how": "other"})
    with pytest.raises(BadInput, match=r"unknown how 'ones'; did you mean 'one'\? \(known: one, other\)"):
        check(made, {"how": "ones"})


def test_a_question_that_the_benchmark_lacks_is_refused(tmp_path):
    made = write(
        tmp_path / "tiny.md",
        parameters='benchmark: str = "pocket"  # q [benchmark]\nquestion: str = ""  # id [question?]',
    )
    check(made, {"question": "pocket-f036"})
    with pytest.raises(BadInput, match="unknown question of pocket 'pocket-f36'; did you mean 'pocket-f036'"):
        check(made, {"question": "pocket-f36"})


def test_a_number_of_pairs_must_be_one(tmp_path):
    made = write(tmp_path / "tiny.md", parameters="pairs: int = 2000  # of answers [at least 1]")
    for number in (0, -5):
        with pytest.raises(BadInput, match=f"pairs must be at least 1, got {number}"):
            check(made, {"pairs": number})


def test_levels_are_of_a_model_without_one_and_each_is_weights_of_its_own(tmp_path):
    lines = 'model: str = "owner/name"  # whose [model]\nlevels: list = ["q8_0", "nf4"]  # of rounding [level]'
    made = write(tmp_path / "tiny.md", parameters=lines)
    check(made, {})
    names = ["owner/name", "owner/name:q8_0", "owner/name:nf4"]
    assert list(weights_of(made, {})) == [("model", "model", name) for name in names]
    with pytest.raises(BadInput, match=r"model must be named without a level, .* got 'owner/name:q8_0'"):
        check(made, {"model": "owner/name:q8_0"})


def test_an_engine_that_does_not_exist_is_refused_even_for_a_plan(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_ENGINE", "vlm")
    made = write(tmp_path / "tiny.md", parameters='model: str = "owner/name"  # whose')
    with pytest.raises(BadInput, match="unknown engine 'vlm'; did you mean 'vllm'"):
        check(made, {}, here=False)


def test_a_plan_asks_for_neither_files_nor_device(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "fetch", lambda name: pytest.fail("fetched"))
    parameters = 'device: str = "cuda"  # where [auto | cpu | cuda]\nbenchmark: str = "truthfulqa"  # q [benchmark]'
    check(write(tmp_path / "tiny.md", parameters=parameters), {}, here=False)
    check(write(tmp_path / "old.md", files=["published/v1a_fluency.jsonl"]), {}, here=False)


def test_a_folder_with_a_level_can_be_weights_and_a_number_of_pairs_is_none(tmp_path):
    made = write(
        tmp_path / "tiny.md", parameters='model: str = "owner/name"  # one [model]\npairs: int = 2000  # of answers'
    )
    check(made, {"model": f"{tmp_path}:q4_0"})
    assert list(weights_of(made, {})) == [("model", "model", "owner/name")]


def test_a_chapter_on_released_files_fetches_them_and_looks_for_no_weights(tmp_path, monkeypatch):
    file = put_file(monkeypatch, tmp_path / "data")
    parameters = 'model: str = "qwen3-14b"  # whose answers\nn: int = 3  # answers'
    chapter = write(tmp_path / "tiny.md", parameters=parameters, files=["published/tiny.csv"])
    check(chapter, {})
    with pytest.raises(BadInput, match="n must be at least 1, got 0"):
        check(chapter, {"n": 0})
    file.write_text("another content")
    with pytest.raises(BadInput, match=r"tiny\.csv is not the published file") as mistake:
        check(chapter, {})
    one_line(mistake)


@pytest.mark.parametrize(
    ("line", "good", "bad", "message"),
    [
        ('x: str = "2024-01-31"  # a [date]', "2025-12-31", "31.1.2024", "x must be a day written as YYYY-MM-DD"),
        ("x: float = 1.0  # a [above 0]", 0.1, 0.0, "x must be above 0, got 0.0"),
        ('x: str = "decided only"  # a [convention]', "larger overlap", "decided", "did you mean 'decided only'"),
        ('x: str = ""  # a [verdict?]', "reproduced", "reproducd", "unknown verdict 'reproducd'"),
        ('x: str = ""  # a [experiment?]', "12", "99", "unknown experiment '99'"),
    ],
)
def test_days_verdicts_and_the_papers_own_names_are_checked(line, good, bad, message, tmp_path):
    made = write(tmp_path / "tiny.md", parameters=line)
    check(made, {"x": good})
    with pytest.raises(BadInput, match=message) as mistake:
        check(made, {"x": bad})
    one_line(mistake)
