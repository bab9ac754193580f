"""A line of the parameters cell says a type, a default, a meaning and what the value may be."""

import doctest
import math

import pytest
from tiny_chapters import GOOD, one_line, write

from homogen.book import parameters
from homogen.book.parameters import Kind, kind_of, names_in, validate
from homogen.records import BadInput


@pytest.fixture
def tiny(tmp_path):
    return write(tmp_path / "nb" / "tiny.md", GOOD)


def test_examples_hold():
    assert not doctest.testmod(parameters).failed


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
        write(tmp_path / "tiny.md", parameters=f"good: int = 1  # one\n{line}")
    text = one_line(mistake)
    assert "tiny.md" in text
    assert repr(line) in text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("at least 1", Kind(least=1)),
        ("above 0", Kind(least=0, inside=True)),
        ("-1 to 1", Kind(least=-1, most=1)),
        ("1e-6 to 1", Kind(least=1e-6, most=1)),
        ("between 0 and 1", Kind(least=0, most=1, inside=True)),
        ("model", Kind("model")),
        ("embedder?", Kind("embedder", optional=True)),
        ("model unless base_url", Kind("model", unless="base_url")),
        ("temperature, 2 different", Kind("temperature", different=2)),
        ("at least 1, as many as benchmarks", Kind(least=1, as_many_as="benchmarks")),
        ("auto | cpu | cuda", Kind(choices=("auto", "cpu", "cuda"))),
    ],
)
def test_what_a_parameter_may_be_is_read(text, kind, tmp_path):
    assert kind_of(text) == kind
    others = 'base_url: str = ""  # a\nbenchmarks: list = []  # b\n'
    *_, made = write(tmp_path / "tiny.md", parameters=f"{others}many: list = [1]  # some of [them] [{text}]").parameters
    assert (made.meaning, made.allowed, made.kind) == ("some of [them]", text, kind)


def test_what_nothing_is_said_of_may_be_anything(tiny):
    assert {p.kind for p in tiny.parameters if not p.allowed} == {Kind(optional=True)}
    assert (Kind().least, Kind().most) == (-math.inf, math.inf)


@pytest.mark.parametrize("text", ["modell", "at least", "at least one", "1 till 2", "a to b", "", "model, "])
def test_what_a_parameter_may_be_is_said_in_known_words(text, tmp_path):
    line = f"many: list = [1]  # some [{text}]"
    with pytest.raises(BadInput, match=r"tiny\.md: many: .*(does not say what a parameter may be|no range of numbers)"):
        write(tmp_path / "tiny.md", parameters=line if text else "many: list = [1]  # some [ ]")


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


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("a", ["a"]),
        ("", [""]),
        ([], []),
        (["a", "b"], ["a", "b"]),
        ([["a", "b"], ["c", "d"]], ["a", "b", "c", "d"]),
        ([["a", ["b"], "c"]], ["a", "b", "c"]),
        ([3], [3]),
    ],
)
def test_names_are_found_in_lists_and_pairs(value, names):
    assert names_in(value) == names


@pytest.mark.parametrize("text", ["model unless base_ur", "at least 1, as many as benchmark"])
def test_what_a_line_leans_on_is_a_parameter_too(text, tmp_path):
    lines = f'base_url: str = ""  # a\nbenchmarks: list = []  # b\nmany: list = [1]  # some [{text}]'
    with pytest.raises(BadInput, match=r"unknown parameter in .*tiny\.md 'b.*did you mean"):
        write(tmp_path / "tiny.md", parameters=lines)
