"""Profiles say which chapters run with which parameters, and are read whole or refused in one line."""

import pytest
from tiny_chapters import one_line, put_profile, write

from homogen.book import profiles
from homogen.records import BadInput


@pytest.fixture
def two(tmp_path):
    """Two chapters that share one parameter."""
    write(tmp_path / "one.md", parameters="n: int = 1  # how many\nrate: float = 0.5  # a share")
    write(tmp_path / "two.md", parameters="n: int = 1  # how many\nlimit: int = 9  # questions")
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
        (
            "one: {n: 1}",
            r"mine\.yaml: a list of the chapters .* 'chapters: \[name, …\]', or models or files",
        ),
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


def test_a_profile_can_run_all_chapters_on_models_or_all_on_files(two):
    write(two / "old.md", files=["published/v9_summary.json"])
    put_profile(two, "chapters: models")
    assert list(profiles.profile("mine", two)) == ["one", "two"]
    put_profile(two, "chapters: files")
    assert list(profiles.profile("mine", two)) == ["old"]
