"""Models that were trained here: their names, where they lie, and what is said of a folder that is damaged.

What they answer is tested where they are trained (``test_alignment_training``).
"""

import doctest

import pytest

from homogen.models import load_model, trained
from homogen.models.catalogue import Unavailable, is_trained
from homogen.models.weights import revision_of
from homogen.records import BadInput

NAME = "trained-0123456789abcdef-80"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path))
    return tmp_path


def test_doctests():
    assert doctest.testmod(trained).failed == 0


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        (NAME, True),
        ("trained-0123456789abcdef-0", False),
        ("trained-0123456789ABCDEF-80", False),
        ("trained-0123456789abcdef", False),
        ("my-" + NAME, False),
        (NAME + ":q8_0", False),
    ],
)
def test_a_name_is_whole_or_none(name, is_one):
    assert is_trained(name) == is_one
    assert not is_one or trained.name_of("0123456789abcdef", 80) == name


def test_what_was_not_trained_here_is_unavailable_and_its_name_identifies_it_all_the_same(cache):
    for ask in (trained.folder_of, trained.about, lambda name: load_model(name, "cpu")):
        with pytest.raises(Unavailable, match=f"{NAME} was not trained on this machine"):
            ask(NAME)
    assert revision_of(NAME) == NAME
    with pytest.raises(BadInput, match="is not the name of a trained model"):
        trained.folder_of("gemma-3-270m")
    assert not list(cache.iterdir())


@pytest.mark.parametrize("text", ["half a fi", "[]", "{}"])
def test_an_account_that_cannot_be_read_is_named(text, cache):
    folder = cache / "trained" / "0123456789abcdef" / "80"
    folder.mkdir(parents=True)
    (folder / trained.WEIGHTS).write_bytes(b"")
    (folder.parent / trained.ABOUT).write_text(text)
    with pytest.raises(BadInput, match=r"recipe.json cannot be read .*; delete its folder and train again"):
        trained.about(NAME)
