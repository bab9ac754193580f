"""Verdicts on disk: of one model, read back exactly, packed small and read without the file they came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen.records import BadInput
from homogen.records.verdicts import VerdictFile, pack_verdicts

ITEMS = [("a", "b"), ("b", "a"), ("ab",), ("",), ("a", "b", "c"), ("\ud800", "ü\x00")]
ROWS = np.arange(18.0).reshape(6, 3) / 7


def test_rows_come_back_by_their_texts(tmp_path):
    file = VerdictFile(tmp_path / "deep" / "said.sqlite", "judge")
    assert file.read(ITEMS) == {}
    file.write(ITEMS[:4], ROWS[:4])
    file.write(ITEMS[3:], ROWS[3:])
    found = VerdictFile(tmp_path / "deep" / "said.sqlite", "judge").read(ITEMS[::-1])
    assert list(found) == ITEMS[::-1]
    np.testing.assert_array_equal(np.array(list(found.values())), ROWS[::-1])


def test_another_model_and_other_texts_are_not_known(tmp_path):
    VerdictFile(tmp_path / "said", "judge").write([("a", "b")], ROWS[:1])
    assert VerdictFile(tmp_path / "said", "judge").read([("a b",), ("ab", ""), ("", "ab"), ("b", "a")]) == {}
    assert VerdictFile(tmp_path / "said", "judg").read([("e", "a", "b"), ("a", "b")]) == {}


@settings(deadline=None, max_examples=25)  # a database each, on a disk that may be slow
@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), unique=True, max_size=8))
def test_packed_verdicts_are_the_same_to_seven_digits(tmp_path_factory, items):
    path = tmp_path_factory.mktemp("said") / "said.sqlite"
    rows = np.random.default_rng(1).random((len(items), 2)) - 0.5
    VerdictFile(path, "judge").write(items, rows)
    packed = pack_verdicts(path)
    assert not items or (packed is not None and not path.exists())
    found = VerdictFile(path, "judge").read(items)
    assert list(found) == items
    np.testing.assert_allclose(np.array(list(found.values())).reshape(-1, 2), rows, rtol=1e-7)


def test_packing_adds_to_what_is_packed_and_gives_the_same_file_for_the_same_verdicts(tmp_path):
    path = tmp_path / "said.sqlite"
    for part in (slice(0, 3), slice(3, 6)):
        VerdictFile(path, "judge").write(ITEMS[part], ROWS[part])
        packed = pack_verdicts(path)
    first = packed.read_bytes()
    assert list(VerdictFile(path, "judge").read(ITEMS)) == ITEMS
    packed.unlink()
    VerdictFile(path, "judge").write(ITEMS[::-1], ROWS[::-1])
    assert pack_verdicts(path).read_bytes() == first


def test_what_is_not_packed_stands_beside_what_is(tmp_path):
    path = tmp_path / "said.sqlite"
    VerdictFile(path, "judge").write(ITEMS[:1], ROWS[:1])
    pack_verdicts(path)
    file = VerdictFile(path, "judge")
    file.write(ITEMS[1:2], ROWS[1:2, :2])  # rows of one file may differ in length: of other questions
    found = file.read(ITEMS[:3])
    assert [len(row) for row in found.values()] == [3, 2]


def test_a_file_that_is_packed_while_it_is_open_goes_on(tmp_path):
    file = VerdictFile(tmp_path / "said.sqlite", "judge")
    file.write(ITEMS[:2], ROWS[:2])
    pack_verdicts(tmp_path / "said.sqlite")
    file.write(ITEMS[2:3], ROWS[2:3])
    assert list(VerdictFile(tmp_path / "said.sqlite", "judge").read(ITEMS)) == ITEMS[:3]


def test_nothing_to_pack(tmp_path):
    assert pack_verdicts(tmp_path / "none.sqlite") is None
    VerdictFile(tmp_path / "empty.sqlite", "judge")
    assert pack_verdicts(tmp_path / "empty.sqlite") is None


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "said.sqlite"
    path.with_suffix(".parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(BadInput, match=r"packed verdicts .*said\.parquet cannot be read"):
        VerdictFile(path, "judge")
    path.with_suffix(".parquet").unlink()
    path.write_bytes(b"no database " * 100)
    with pytest.raises(BadInput, match=r"cache of verdicts .*said\.sqlite cannot be used: .*; delete it"):
        VerdictFile(path, "judge")
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"cache of verdicts .* cannot be made"):
        VerdictFile(tmp_path / "file" / "said.sqlite", "judge")
