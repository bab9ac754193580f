"""Chapters and profiles are read whole or refused in one line, and what they ask for is checked before they run."""

import doctest

import jupytext
import pytest
from tiny_chapters import DRAWS, GOOD, one_line, put_file, put_profile, write

from homogen.book import chapters, profiles
from homogen.book.parameters import check, names_in, validate, values_of, weights_of
from homogen.questions import sources
from homogen.records import BadInput


@pytest.fixture
def tiny(tmp_path):
    return write(tmp_path / "nb" / "01_tiny.md", GOOD)


# Finding chapters and reading their parameters


def test_chapters_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("10_last_one", "02_middle", "01_first"):
        write(tmp_path / f"{name}.md", title=name)
    (tmp_path / "notes.md").write_text("# not a chapter")
    found = chapters.chapters(tmp_path)
    assert list(found) == ["first", "middle", "last-one"]
    assert [c.title for c in found.values()] == ["01_first", "02_middle", "10_last_one"]


def test_a_folder_without_chapters_says_where_it_looked(tmp_path):
    with pytest.raises(BadInput, match=r"no chapters in .*; run this in the project's folder") as mistake:
        chapters.chapters(tmp_path / "nowhere")
    one_line(mistake)


def test_a_parameters_cell_is_read(tiny):
    assert [(p.name, p.type, p.default, p.meaning) for p in tiny.parameters] == [
        ("n", "int", 3, "how many"),
        ("rate", "float", 0.5, "a share"),
        ("name", "str", "a # b", "a hash inside a text"),
        ("deep", "bool", False, "look closer"),
        ("sizes", "list", [1, 2.5], "of the samples"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "n = 3  # no type",
        "n: int = 3",
        "n: integer = 3  # unknown type",
        "n: int  # no default",
        "n: int = 2 * 3  # computed",
        "n: int = len([])  # called",
        "n: int = 0.5  # another type",
        "n: float = 1  # another type",
        "n: str = None  # nothing",
        'n: str = "open  # no end',
        "n: str = word  # no quotes",
        "  n: int = 3  # indented",
    ],
)
def test_a_malformed_parameter_is_shown(line, tmp_path):
    with pytest.raises(BadInput, match="a line of the parameters cell is not") as mistake:
        write(tmp_path / "01_tiny.md", parameters=f"good: int = 1  # one\n{line}")
    text = one_line(mistake)
    assert "01_tiny.md" in text
    assert repr(line) in text


def test_a_chapter_without_a_title_is_a_mistake_and_hides_no_other(tmp_path):
    (tmp_path / "01_first.md").write_text("Prose only.\n\n```python\n# not a title\n```\n")
    with pytest.raises(BadInput, match=r"01_first\.md: a chapter needs a title"):
        write(tmp_path / "02_second.md")


# Files that a chapter runs on


def test_the_files_of_a_chapter_are_in_its_front_matter(tmp_path):
    assert write(tmp_path / "01_tiny.md").files is None
    known = ["published/v9_summary.json", "published/v1a_fluency.jsonl"]
    assert write(tmp_path / "01_tiny.md", files=known).files == tuple(known)
    assert write(tmp_path / "01_tiny.md", files=[]).files == ()


def test_the_front_matter_survives_a_formatter(tmp_path):
    chapter = write(tmp_path / "01_tiny.md", files=["published/v9_summary.json"])
    jupytext.write(jupytext.read(chapter.path), chapter.path)
    assert chapters.chapters(tmp_path)["tiny"].files == ("published/v9_summary.json",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{files: published/v9_summary.json}", "'homogen' in the front matter must be"),
        ("{files: [1]}", "'homogen' in the front matter must be"),
        ("{file: []}", "'homogen' in the front matter must be"),
        ("{files: [], more: 1}", "'homogen' in the front matter must be"),
        ("[published/v9_summary.json]", "'homogen' in the front matter must be"),
        ("{}", "'homogen' in the front matter must be"),
        ("", "jupytext cannot read it"),
        ("{files: [", "jupytext cannot read it"),
        ("{files: [published/v9_sumary.json]}", "did you mean 'published/v9_summary.json'"),
    ],
)
def test_a_wrong_list_of_files_is_one_line(given, message, tmp_path):
    path = tmp_path / "01_tiny.md"
    write(path)
    path.write_text(path.read_text("utf-8").replace("---", f"---\nhomogen: {given}", 1), "utf-8")
    with pytest.raises(BadInput, match=message) as mistake:
        chapters.chapters(tmp_path)
    assert "01_tiny.md" in one_line(mistake)


# What a chapter draws


def test_what_a_chapter_draws_is_in_its_front_matter_with_what_holds_by_default(tmp_path):
    assert write(tmp_path / "01_tiny.md").draws == ()
    assert write(tmp_path / "01_tiny.md", draws=[]).draws == ()
    given = [{"models": "model"}, {"models": "pairs", "runs": 2, "answers": "n", "questions": "few", "tokens": 8}]
    assert write(tmp_path / "01_tiny.md", draws=given).draws == (
        {"models": "model", "runs": "1", "questions": "limit", "answers": "n + 1", "tokens": "max_new_tokens"},
        {"models": "pairs", "runs": "2", "questions": "few", "answers": "n", "tokens": "8"},
    )


def test_files_and_draws_can_stand_side_by_side_and_survive_a_formatter(tmp_path):
    chapter = write(tmp_path / "01_tiny.md", files=["published/v9_summary.json"], draws=[{"models": "model"}])
    jupytext.write(jupytext.read(chapter.path), chapter.path)
    found = chapters.chapters(tmp_path)["tiny"]
    assert found.files == ("published/v9_summary.json",)
    assert [entry["models"] for entry in found.draws] == ["model"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{draws: model}", "'draws' in the front matter must be"),
        ("{draws: {models: model}}", "'draws' in the front matter must be"),
        ("{draws: [model]}", "'draws' in the front matter must be"),
        ("{draws: [{runs: 2}]}", "'draws' in the front matter must be"),
        ("{draw: []}", "'homogen' in the front matter must be"),
        ("{draws: [{models: model, run: 2}]}", "unknown entry of 'draws' in .*did you mean 'runs'"),
        ("{draws: [{models: model, 2: runs}]}", "unknown entry of 'draws' in"),
    ],
)
def test_a_wrong_entry_of_draws_is_one_line(given, message, tmp_path):
    path = tmp_path / "01_tiny.md"
    write(path)
    path.write_text(path.read_text("utf-8").replace("---", f"---\nhomogen: {given}", 1), "utf-8")
    with pytest.raises(BadInput, match=message) as mistake:
        chapters.chapters(tmp_path)
    assert "01_tiny.md" in one_line(mistake)


# Checking parameters


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("n", 4, 4),
        ("n", "4", 4),
        ("n", "-4", -4),
        ("rate", 2, 2.0),
        ("rate", "2", 2.0),
        ("rate", "1e-4", 1e-4),
        ("rate", ".25", 0.25),
        ("name", "4", "4"),
        ("name", "true", "true"),
        ("deep", "true", True),
        ("deep", "False", False),
        ("deep", True, True),
        ("sizes", "[0.1, 2, 'x']", [0.1, 2, "x"]),
        ("sizes", [], []),
    ],
)
def test_a_value_is_read_as_the_type_of_its_parameter(name, given, wanted, tiny):
    (got,) = validate(tiny, {name: given}).values()
    assert got == wanted
    assert type(got) is type(wanted)


def test_a_list_that_holds_itself_is_refused(tiny):
    """YAML can say one: sizes: &a [*a]."""
    endless = []
    endless.append(endless)
    with pytest.raises(BadInput, match="parameter sizes of tiny must be list"):
        validate(tiny, {"sizes": endless})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("n", "1e-4"),
        ("n", "four"),
        ("n", 4.0),
        ("n", True),
        ("n", None),
        ("n", ""),
        ("n", "-" * 100_000 + "1"),
        ("rate", "abc"),
        ("rate", "nan"),
        ("rate", "1e999"),
        ("sizes", "[1, -1e999]"),
        ("rate", True),
        ("rate", [0.5]),
        ("rate", "{[]: 1}"),
        ("name", 4),
        ("name", None),
        ("deep", "yes"),
        ("deep", 1),
        ("sizes", "1, 2"),
        ("sizes", "[1, 2"),
        ("sizes", (1, 2)),
        ("sizes", "[{1}]"),
        ("sizes", "[[1j]]"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(name, given, tiny):
    kind = {"n": "int", "rate": "float", "name": "str", "deep": "bool", "sizes": "list"}[name]
    with pytest.raises(BadInput, match=f"parameter {name} of tiny must be {kind}[ ,]") as mistake:
        validate(tiny, {name: given})
    assert "default" in one_line(mistake)


def test_an_unknown_parameter_gets_the_nearest_names(tiny):
    with pytest.raises(BadInput, match="unknown parameter of tiny 'size'; did you mean 'sizes'") as mistake:
        validate(tiny, {"size": "[1]"})
    one_line(mistake)


# Profiles


@pytest.fixture
def two(tmp_path):
    """Two chapters that share one parameter."""
    write(tmp_path / "01_one.md", parameters="n: int = 1  # how many\nrate: float = 0.5  # a share")
    write(tmp_path / "02_two.md", parameters="n: int = 1  # how many\nlimit: int = 9  # questions")
    return tmp_path


def test_all_applies_where_the_parameter_exists_and_a_chapter_wins(two):
    put_profile(two, "chapters: [two, one]\nall: {n: 5, limit: 3}\none: {rate: 1e-4, n: 6}\n")
    found = profiles.profile("mine", two)
    assert found == {"one": {"n": 6, "rate": 1e-4}, "two": {"n": 5, "limit": 3}}
    assert list(found) == ["one", "two"], "in the order of the book, whatever the order of the list"
    put_profile(two, "chapters: [one, two]\nall:\ntwo:\n")
    assert profiles.profile("mine", two) == {"one": {}, "two": {}}


def test_a_profile_has_the_chapters_that_it_lists_and_may_list_none(two):
    put_profile(two, "chapters: [two]\nall: {n: 5}\n")
    assert profiles.profile("mine", two) == {"two": {"n": 5}}
    put_profile(two, "chapters: []")
    assert profiles.profile("mine", two) == {}


def test_the_books_profiles_come_first(two):
    put_profile(two, "chapters: [one]", "big")
    put_profile(two, "chapters: [one, two]", "zoo")
    put_profile(two, "chapters: [two]", "released")
    assert profiles.profiles(two) == ["released", "big", "zoo"]
    put_profile(two, "chapters: []", "pocket")
    assert profiles.profiles(two) == ["pocket", "released", "big", "zoo"]
    assert profiles.profiles_of(two) == {"one": ["big", "zoo"], "two": ["released", "zoo"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("three: {n: 1}", r"unknown chapter in .*mine\.yaml 'three'"),
        ("ones: {n: 1}", "did you mean 'one'"),
        ("one: {limit: 1}", "unknown parameter of one 'limit'"),
        ("all: {limits: 1}", r"unknown parameter in .*mine\.yaml 'limits'; did you mean 'limit'"),
        ("two: {limit: many}", r"mine\.yaml: parameter limit of two must be int"),
        ("all: {n: 1.5}", "parameter n of one must be int"),
        ("one:\n  n: [1\ntwo: {}\n", r"mine\.yaml, line \d+: not valid YAML"),
        ("one: {}\n\t- x", r"mine\.yaml, line 3: not valid YAML"),
        (b"one: {n: \xff}", r"mine\.yaml.*: not valid YAML"),
        ("one: 5", r"mine\.yaml: a mapping 'chapter: \{parameter: value\}' is wanted"),
        ("one: [n]", r"mine\.yaml: a mapping"),
        ("all: [n]", r"mine\.yaml: a mapping"),
        ("1: {n: 1}", r"unknown chapter in .* '1'"),
    ],
)
def test_a_wrong_parameter_of_a_profile_is_one_line(text, message, two):
    both = "chapters: [one, two]\n"
    put_profile(two, both.encode() + text if isinstance(text, bytes) else both + text)
    with pytest.raises(BadInput, match=message) as mistake:
        profiles.profile("mine", two)
    one_line(mistake)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"mine\.yaml: a mapping 'chapter: \{parameter: value\}' is wanted"),
        ("- one\n- two", r"mine\.yaml: a mapping"),
        ("just a text", r"mine\.yaml: a mapping"),
        ("one: {n: 1}", r"mine\.yaml: a list of the chapters that it runs is wanted, 'chapters: \[name, …\]'"),
        ("chapters:", r"mine\.yaml: a list of the chapters"),
        ("chapters: one", r"mine\.yaml: a list of the chapters"),
        ("chapters: {one: {n: 1}}", r"mine\.yaml: a list of the chapters"),
        ("chapters: [one: {n: 1}]", r"mine\.yaml: a list of the chapters"),
        ("chapters: [1]", r"mine\.yaml: a list of the chapters"),
        ("chapters: [one, two, one]", r"mine\.yaml lists 'one' more than once"),
        ("chapters: [one, twoo]", r"unknown chapter in .*mine\.yaml 'twoo'; did you mean 'two'"),
        ("chapters: [one]\ntwo: {n: 1}", r"mine\.yaml sets parameters of 'two', which is not in its list 'chapters'"),
        ("chapters: [one]\ntwo:", r"mine\.yaml sets parameters of 'two'"),
        ("chapters: [one]\nall: {limit: 1}", r"unknown parameter in .*mine\.yaml 'limit'"),
        ("chapters: []\nall: {n: 1}", r"unknown parameter in .*mine\.yaml 'n'"),
        pytest.param("[" * 100_000, r"mine\.yaml: nested too deep$", id="open lists"),
        pytest.param("chapters: " + "[" * 5000 + "]" * 5000, r"mine\.yaml: nested too deep$", id="lists"),
        pytest.param("chapters: " + "{a: " * 5000 + "}" * 5000, r"mine\.yaml: nested too deep$", id="mappings"),
        pytest.param(
            "".join(" " * i + "chapters:\n" for i in range(3000)), r"mine\.yaml: nested too deep$", id="lines"
        ),
    ],
)
def test_a_wrong_list_of_chapters_is_one_line(text, message, two):
    put_profile(two, text)
    with pytest.raises(BadInput, match=message) as mistake:
        profiles.profile("mine", two)
    one_line(mistake)


def test_an_unknown_profile_gets_the_nearest_name(two):
    put_profile(two, "chapters: []", "pocket")
    with pytest.raises(BadInput, match=r"unknown profile 'poket'; did you mean 'pocket'\? \(known: pocket\)"):
        profiles.profile("poket", two)


@pytest.mark.parametrize("name", ["../profiles/mine", "./mine", "profiles/../mine", "mi.ne", "mine\n", ""])
def test_a_profile_is_a_name_and_no_path(name, two):
    put_profile(two, "chapters: []")
    put_profile(two, "chapters: []", "mi.ne")
    with pytest.raises(BadInput, match="unknown profile") as mistake:
        profiles.profile(name, two)
    one_line(mistake)


def test_outside_the_project_the_folder_is_named_not_the_profile(tmp_path):
    with pytest.raises(BadInput, match="no chapters in"):
        profiles.profile("pocket", tmp_path)


# What is asked for


def test_folders_and_hub_ids_can_be_weights(tmp_path):
    chapter = write(tmp_path / "nb" / "01_tiny.md", parameters=DRAWS)
    for name in (str(tmp_path), "owner/name"):
        check(chapter, {"model": name, "base_model": name, "embedder": name, "embedders": [name]})


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("a", ["a"]),
        ("", [""]),
        ([], []),
        (["a", "b"], ["a", "b"]),
        ([["a", "b"], ["c", "d"]], ["a", "b", "c", "d"]),
        # A label is no name; a pair of names is no label with a list.
        ([["One", ["a", "b"]], ["Two", ["c"]]], ["a", "b", "c"]),
        (["One", ["a", "b"]], ["a", "b"]),
        ([["a", ["b"], "c"]], ["a", "b", "c"]),
        ([3], [3]),
    ],
)
def test_names_are_found_in_lists_pairs_and_labelled_chains(value, names):
    assert names_in(value) == names


WEIGHTS = """pairs: list = [["gemma-3-270m", "smollm2-135m-instruct"]]  # base, instruct
chains: list = [["One", ["gemma-3-270m", "owner/name"]]]  # stages
model: str = "smollm2-135m-instruct"  # one
twin: str = ""  # or none
nli: str = ""  # or none
nlis: list = ["deberta-v3-base"]  # some
base_url: str = ""  # a server
api: str = "chat"  # of it
dialect: str = "extended"  # of it
device: str = "cpu"  # where
"""
WRONG_WEIGHTS = {
    "a name in a pair": ({"pairs": [["gemma-3-270m", "smolm2"]]}, "unknown model 'smolm2'"),
    "a number in a pair": ({"pairs": [["gemma-3-270m", 3]]}, "unknown model '3'"),
    "nothing in a pair": ({"pairs": [["", "gemma-3-270m"]]}, "unknown model ''"),
    "a stage": ({"chains": [["One", ["gemma-3-270m", "gemma"]]]}, "unknown model 'gemma'; did you mean 'gemma-3-270m'"),
    "an embedder": (
        {"chains": [["One", ["gemma-3-270m", "wordllama"]]]},
        "chains: 'wordllama' is no model; there are: ",
    ),
    "a level": ({"model": "gemma-3-270m:q4"}, "unknown quantization of gemma-3-270m 'q4'; did you mean 'q4_0'"),
    "a level in a pair": ({"pairs": [["a/b:nf5", "a/b"]]}, "unknown quantization of a/b 'nf5'; did you mean 'nf4'"),
    "a level of no model": ({"model": "gema-3-270m:q4_0"}, "unknown model 'gema-3-270m:q4_0'"),
    "a twin": ({"twin": "smolm2"}, "unknown model 'smolm2'"),
    "an NLI model": ({"nli": "deberta-v3-tiny"}, "unknown NLI model 'deberta-v3-tiny'; did you mean 'deberta-v3-"),
    "one of them": ({"nlis": ["deberta-v3-base", ""]}, "unknown NLI model ''"),
    "a generator to judge": ({"nli": "gemma-3-270m"}, "nli: 'gemma-3-270m' is no NLI model; there are: deberta-v3-"),
    "a judge to generate": ({"model": "deberta-v3-base"}, "unknown model 'deberta-v3-base'"),
    "no hub id": ({"model": "../a"}, "unknown model '../a'"),
    "half a pair": ({"pairs": [["gemma-3-270m"]]}, "pairs must be lists of two models, [[base, instruct], …], got"),
    "a pair of one": ({"pairs": [["a/b", "a/b"]]}, "pairs must be lists of two models"),
    "no pair": ({"pairs": ["a/b", "a/c"]}, "pairs must be lists of two models"),
    "an empty pair": ({"pairs": [[]]}, "pairs must be lists of two models"),
    "an empty chain": ({"chains": [[]]}, "chains must be lists [label, [first stage, second stage, …]], got []"),
    "a chain without label": ({"chains": [["a/b", "a/c"]]}, "chains must be lists [label, "),
    "a chain of one": ({"chains": [["Z", ["a/b"]]]}, "chains must be lists [label, "),
    "no chain": ({"chains": ["Z", ["a/b", "a/c"]]}, "chains must be lists [label, "),
    "a stage twice": ({"chains": [["Z", ["a/b", "a/b"]]]}, "chains must be lists [label, "),
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
        check(write(tmp_path / "01_tiny.md", parameters=WEIGHTS), given)
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
def test_levels_pairs_chains_and_judges_can_be_weights(given, tmp_path):
    check(write(tmp_path / "01_tiny.md", parameters=WEIGHTS), given)


LISTS = """
benchmarks: list = ["pocket"]  # q
limits: list = [5]  # of each
temperatures: list = [0.2]  # t
nuclei: list = []  # p
lengths: list = [10]  # tokens
levels: list = ["q8_0"]  # of rounding
thresholds: list = [0.8]  # of cosines
models: list = ["gemma-3-270m"]  # who
resamples: int = 100  # of the bootstrap
sizes: list = [3]  # of sets
coverages: list = [0.5, 1]  # shares kept
rules: list = ["liu", "either"]  # of clustering
alpha: float = 0.2  # of the promise
compared: list = [0.2, 1.0]  # temperatures
seed: int = 1  # of chance
cosine_threshold: float = 0.85  # of embeddings
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
    "no promise": ({"alpha": 0}, "alpha must lie between 1e-06 and 0.999999, got 0"),
    "all promised": ({"alpha": 1}, "alpha must lie between 1e-06 and 0.999999, got 1"),
    "no rule": ({"rules": []}, "rules must name at least one"),
    "a rule": ({"rules": ["liu", "farquar"]}, "unknown rule 'farquar'; did you mean 'farquhar'"),
    "nothing to compare": ({"compared": [0.2]}, "compared must be two temperatures, got [0.2]"),
    "one compared with itself": ({"compared": [0.2, 0.2]}, "compared must be two temperatures, got [0.2, 0.2]"),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
@pytest.mark.parametrize("here", [True, False])
def test_a_value_out_of_range_is_refused_wherever_it_stands(case, here, tmp_path):
    given, message = WRONG_VALUES[case]
    made = write(tmp_path / "01_tiny.md", parameters=LISTS)
    check(made, {"nuclei": [0.9, 1]}, here)
    with pytest.raises(BadInput) as mistake:
        check(made, given, here)
    assert message in one_line(mistake)


@pytest.mark.parametrize(
    ("name", "parameter", "where"),
    [("02_baselines", "embedders", False), ("02_datasets", "temperatures", False), ("02_other", "embedders", True)],
)
def test_some_lists_must_name_something_in_some_chapters(name, parameter, where, tmp_path):
    made = write(
        tmp_path / f"{name}.md", parameters='embedders: list = ["wordllama"]  # e\ntemperatures: list = [1]  # t'
    )
    if where:
        check(made, {parameter: []})
    else:
        with pytest.raises(BadInput, match=f"{parameter} must name at least one"):
            check(made, {parameter: []})


def test_a_question_that_the_benchmark_lacks_is_refused(tmp_path):
    made = write(tmp_path / "01_tiny.md", parameters='benchmark: str = "pocket"  # q\nquestion: str = ""  # its id')
    check(made, {"question": "pocket-f036"})
    with pytest.raises(BadInput, match="unknown question of pocket 'pocket-f36'; did you mean 'pocket-f036'"):
        check(made, {"question": "pocket-f36"})


def test_a_number_of_pairs_must_be_one(tmp_path):
    made = write(tmp_path / "01_tiny.md", parameters="pairs: int = 2000  # of answers")
    for number in (0, -5):
        with pytest.raises(BadInput, match=f"pairs must be at least 1, got {number}"):
            check(made, {"pairs": number})


def test_levels_are_of_a_model_without_one_and_each_is_weights_of_its_own(tmp_path):
    lines = 'model: str = "owner/name"  # whose\nlevels: list = ["q8_0", "nf4"]  # of rounding'
    made = write(tmp_path / "01_tiny.md", parameters=lines)
    check(made, {})
    names = ["owner/name", "owner/name:q8_0", "owner/name:nf4"]
    assert list(weights_of(values_of(made, {}))) == [("model", name) for name in names]
    with pytest.raises(BadInput, match=r"model must be named without a level, .* got 'owner/name:q8_0'"):
        check(made, {"model": "owner/name:q8_0"})


def test_an_engine_that_does_not_exist_is_refused_even_for_a_plan(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_ENGINE", "vlm")
    made = write(tmp_path / "01_tiny.md", parameters='model: str = "owner/name"  # whose')
    with pytest.raises(BadInput, match="unknown engine 'vlm'; did you mean 'vllm'"):
        check(made, {}, here=False)


def test_a_plan_asks_for_neither_files_nor_device(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "fetch", lambda name: pytest.fail("fetched"))
    parameters = 'device: str = "cuda"  # where\nbenchmark: str = "truthfulqa"  # questions'
    check(write(tmp_path / "01_tiny.md", parameters=parameters), {}, here=False)
    check(write(tmp_path / "02_old.md", files=["published/v1a_fluency.jsonl"]), {}, here=False)


def test_a_folder_with_a_level_can_be_weights_and_a_number_of_pairs_is_none(tmp_path):
    made = write(
        tmp_path / "01_tiny.md", parameters='model: str = "owner/name"  # one\npairs: int = 2000  # of answers'
    )
    check(made, {"model": f"{tmp_path}:q4_0"})
    assert list(weights_of(values_of(made, {}))) == [("model", "owner/name")]


def test_a_chapter_on_released_files_fetches_them_and_looks_for_no_weights(tmp_path, monkeypatch):
    file = put_file(monkeypatch, tmp_path / "data")
    parameters = 'model: str = "qwen3-14b"  # whose answers\nn: int = 3  # answers'
    chapter = write(tmp_path / "01_tiny.md", parameters=parameters, files=["published/tiny.csv"])
    check(chapter, {})
    with pytest.raises(BadInput, match="n must be at least 1, got 0"):
        check(chapter, {"n": 0})
    file.write_text("another content")
    with pytest.raises(BadInput, match=r"tiny\.csv is not the published file") as mistake:
        check(chapter, {})
    one_line(mistake)


def test_examples_hold():
    assert not doctest.testmod(chapters).failed
