import doctest
import re
import sqlite3
import sys

import numpy as np
import pytest

from homogen.nli import asking as room
from homogen.nli.asking import CHECK_PAIRS, NLI, as_nli, self_check
from homogen.records import BadInput


class Model:
    """Entails what is a part of the premise; remembers what it was asked."""

    name = "parts-of-texts"

    def __init__(self):
        self.asked = []

    def __call__(self, pairs):
        self.asked.append(list(pairs))
        return np.array([[0.8, 0.15, 0.05] if b in a else [0.1, 0.7, 0.2] for a, b in pairs])


def test_doctests():
    assert doctest.testmod(room).failed == 0


def test_each_pair_is_asked_once_and_identical_texts_never():
    model = Model()
    nli = NLI(model)
    p = nli([("a b", "a"), ("a", "a b"), ("a b", "a"), ("c", "c")])
    np.testing.assert_array_equal(p, [[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.8, 0.15, 0.05], [1, 0, 0]])
    again = nli([("a", "a b"), ("a", "c")])
    np.testing.assert_array_equal(again, [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]])
    assert model.asked == [[("a b", "a"), ("a", "a b")], [("a", "c")]]
    assert (nli.forward_passes, nli.calls) == (3, 2)


def test_nothing_asked_calls_nothing():
    model = Model()
    assert NLI(model)([]).shape == (0, 3)
    assert NLI(model)([("a", "a")]).tolist() == [[1, 0, 0]]
    assert model.asked == []


def test_long_work_is_cut_into_calls():
    model = Model()
    nli = NLI(model)
    nli([(str(i), "x") for i in range(2 * 4096 + 1)])
    assert [len(pairs) for pairs in model.asked] == [4096, 4096, 1]
    assert (nli.forward_passes, nli.calls) == (8193, 3)


def test_long_work_shows_a_bar_unless_told_otherwise(monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    pairs = [(f"text {i}", "text") for i in range(300)]
    NLI(Model())(pairs)
    assert "300/300" in capsys.readouterr().err
    NLI(Model(), progress=False)(pairs)
    NLI(Model())(pairs[:256])
    assert capsys.readouterr().err == ""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert NLI(Model())(pairs).shape == (300, 3)


def test_a_cache_on_disk_outlives_the_object_and_knows_its_model(tmp_path):
    path = tmp_path / "new" / "pairs.sqlite"
    first, second, other = Model(), Model(), Model()
    other.name = "another"
    odd = "\ud800 lone surrogate, \x00 and ünï"
    wanted = [("a b", "a"), ("a", odd)]
    p = NLI(first, cache=path)(wanted)
    nli = NLI(second, cache=path)
    np.testing.assert_array_equal(nli([*wanted, ("ab", " a")]), np.vstack([p, [0.1, 0.7, 0.2]]))
    assert second.asked == [[("ab", " a")]]
    assert nli.forward_passes == 1
    NLI(other, cache=path)(wanted)
    assert other.asked == [wanted]


def test_pairs_do_not_run_together_in_the_key(tmp_path):
    model = Model()
    nli = NLI(model, cache=tmp_path / "pairs")
    nli([("ab", "c")])
    NLI(model, cache=tmp_path / "pairs")([("a", "bc")])
    assert model.asked == [[("ab", "c")], [("a", "bc")]]


def test_more_pairs_than_one_query_takes(tmp_path):
    pairs = [(f"text {i}", "text") for i in range(1201)]
    NLI(Model(), cache=tmp_path / "pairs")(pairs)
    model = Model()
    NLI(model, cache=tmp_path / "pairs")(pairs)
    assert model.asked == []


def test_a_kill_between_calls_loses_no_finished_call(tmp_path):
    class Dies(Model):
        def __call__(self, pairs):
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().__call__(pairs)

    pairs = [(str(i), "x") for i in range(2 * 4096 + 2)]
    with pytest.raises(KeyboardInterrupt):
        NLI(Dies(), cache=tmp_path / "pairs")(pairs)
    model = Model()
    NLI(model, cache=tmp_path / "pairs")(pairs)
    assert model.asked == [pairs[-2:]]


def test_a_damaged_cache_says_so(tmp_path):
    (tmp_path / "pairs").write_text("not a database, but long enough to be read as one " * 30)
    with pytest.raises(BadInput, match=r"the cache of verdicts .*pairs cannot be used: .*; delete it"):
        NLI(Model(), cache=tmp_path / "pairs")


def test_a_cache_wants_a_named_model(tmp_path):
    with pytest.raises(BadInput, match="needs a model with a name"):
        NLI(lambda pairs: np.ones((len(pairs), 3)) / 3, cache=tmp_path / "pairs")


def test_the_cache_holds_no_text(tmp_path):
    NLI(Model(), cache=tmp_path / "pairs")([("a secret answer", "x")])
    with sqlite3.connect(tmp_path / "pairs") as connection:
        assert connection.execute("SELECT count(*) FROM verdicts").fetchone() == (1,)
    connection.close()
    assert b"secret" not in (tmp_path / "pairs").read_bytes()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.ones((1, 2)) / 2, r"returned shape \(1, 2\) for 1 pairs, expected \(1, 3\)"),
        (np.ones((2, 3)) / 3, r"returned shape \(2, 3\)"),
        ([[1.2, -3.0, 0.4]], "no probabilities"),
        ([[0.5, 0.5, 0.5]], "no probabilities"),
        ([[np.nan, 0.5, 0.5]], "no probabilities"),
        ([["yes", "no", "maybe"]], "returned no array of numbers"),
    ],
)
def test_a_model_that_returns_anything_else_is_refused(answer, message):
    with pytest.raises(BadInput, match=message):
        NLI(lambda pairs: np.asarray(answer))([("a", "b")])


@pytest.mark.parametrize("pair", [(None, "a"), ("a", 3)])
def test_pairs_are_texts(pair):
    with pytest.raises(BadInput, match="an NLI pair is two texts"):
        NLI(Model())([pair])


def test_what_counts_as_a_model():
    for none in (3, "deberta-v3-xsmall"):
        with pytest.raises(BadInput, match="an NLI model is a function"):
            NLI(none)
    nli = NLI(Model())
    assert as_nli(nli) is nli
    assert isinstance(as_nli(Model()), NLI)


def probabilities(entail_self=(0.9, 0.05, 0.05), contradict=(0.05, 0.05, 0.9)):
    return lambda pairs: np.array([entail_self if a == b else contradict for a, b in pairs])


def test_the_self_check_accepts_a_sound_model():
    self_check(probabilities())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (probabilities(entail_self=(0.05, 0.9, 0.05)), "'Paris is the capital of France.' does not entail itself"),
        (probabilities(entail_self=(0.05, 0.05, 0.9)), "does not entail itself .*contradiction 0.90"),
        (probabilities(contradict=(0.05, 0.9, 0.05)), "does not contradict 'The cat is dead.' .*neutral 0.90"),
        (lambda pairs: np.zeros((len(pairs), 3)), "no probabilities"),
    ],
)
def test_the_self_check_says_which_check_failed(model, message):
    with pytest.raises(BadInput, match=message):
        self_check(model)


def test_a_check_asks_about_identical_texts_too_and_is_remembered_on_disk(tmp_path):
    for entail_self, message in (((0.9, 0.05, 0.05), None), ((0.2, 0.7, 0.1), "does not entail itself .*neutral 0.70")):
        model = probabilities(entail_self=entail_self)
        model.name = f"model that says {entail_self}"
        cache = tmp_path / "pairs"
        for _ in range(2):
            nli = NLI(model, cache=cache)
            if message is None:
                nli.check()
            else:
                with pytest.raises(BadInput, match=f"{re.escape(model.name)}: the NLI model fails.*{message}"):
                    nli.check()
            # Elsewhere a text entails itself as before, whatever the model says of it.
            np.testing.assert_array_equal(nli([CHECK_PAIRS[0]]), [[1, 0, 0]])
            assert nli.forward_passes == (len(CHECK_PAIRS) if nli.calls else 0)
            model = lambda pairs: pytest.fail("asked again")  # noqa: E731
            model.name = f"model that says {entail_self}"


def test_what_low_precision_leaves_over_is_divided_out():
    # Half precision sums to 1 within a percent only; similarities must not exceed 1, nor fall below 0.
    for p in ([1.006, 0, 0], [0, 0, 1.006], [0.5, 0.3, 0.206]):
        (found,) = NLI(lambda pairs, p=p: np.array([p]))([("a", "b")])
        assert found.sum() == pytest.approx(1, abs=1e-15)
        assert (found >= 0).all()
        assert (found <= 1).all()


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"the cache of verdicts .*pairs cannot be made"):
        NLI(Model(), cache=tmp_path / "file" / "deeper" / "pairs")
