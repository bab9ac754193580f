"""A run's folder: nothing torn, nothing lost, one writer at a time."""

import contextlib
import dataclasses
import doctest
import errno
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ask, read_json

import homogen as hg
import homogen.sampling.store
from homogen.records import GREEDY, BadInput, PromptTemplate, Response, SamplingSpec, arrow_schema
from homogen.sampling.store import QUESTION_SHA, RunFolder, run_key

SHAS = {f"q{i}": f"sha of q{i}" for i in range(6)}


def answers(*questions, n=2, said="text"):
    return [
        Response(q, k, f"{said} {q} {k}", f"{said} {q} {k}", "stop", (-0.5, -1.25), (0.25, 2.0))
        for q in questions
        for k in range(GREEDY, n)
    ]


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "runs", "key", {"spec": {"n": 2}, "note": "é"})


@pytest.fixture
def written(folder):
    """A run of two parts with two questions each."""
    with folder.writing():
        folder.write(answers("q0", "q1"), SHAS)
        folder.write(answers("q2", "q3"), SHAS)
    return folder


def rows(folder):
    """Every sound row by question and its sha, as another look at the folder finds it."""
    found = {}
    for _, part in RunFolder(folder.path.parent, folder.key, {}).parts():
        for row in part.to_pylist():
            found.setdefault((row["question_id"], row.pop(QUESTION_SHA)), []).append(row)
    return found


def parts(folder):
    return sorted(folder.path.glob("part-*.parquet"))


def names(folder):
    return sorted(p.name for p in folder.path.iterdir() if p.name != "lock")


def holds(path, question):
    return question in pq.read_table(path).column("question_id").to_pylist()


# --- sound parts ----------------------------------------------------------------------------------------------------


def test_what_was_written_is_read(written):
    found = rows(written)
    assert set(found) == {(f"q{i}", f"sha of q{i}") for i in range(4)}
    assert [row["sample"] for row in found["q2", "sha of q2"]] == [-1, 0, 1]
    assert found["q2", "sha of q2"][2] == {
        "question_id": "q2",
        "sample": 1,
        "text": "text q2 1",
        "answer": "text q2 1",
        "finish": "stop",
        "token_logprobs": [-0.5, -1.25],
        "token_entropies": [0.25, 2.0],
        "token_entropies_high": None,
    }


def test_a_part_is_named_by_the_checksum_of_its_bytes(written):
    assert len(parts(written)) == 2
    for path in parts(written):
        assert path.name == f"part-{hashlib.sha256(path.read_bytes()).hexdigest()}.parquet"


def test_a_part_is_plain_parquet_with_the_documented_columns(written):
    schema = pq.read_schema(parts(written)[0])
    assert schema.names == [*arrow_schema().names, QUESTION_SHA]


def test_the_folder_says_what_it_holds(written):
    assert read_json(written.path / "run.json") == {"spec": {"n": 2}, "note": "é"}
    assert names(written) == sorted(["run.json", *(p.name for p in parts(written))])


def test_writing_the_same_answers_again_makes_no_second_part(written):
    before = names(written)
    with written.writing():
        written.write(answers("q0", "q1"), SHAS)
    assert names(written) == before


def test_a_part_from_before_upper_bounds_is_read_as_exact(tmp_path):
    questions, spec = ask(1), SamplingSpec(model="none", n=2)

    class Bounded:
        identity, batch_rows = {"engine": "bounded"}, 8

        def generate(self, prompts, spec):
            for q, _, _ in prompts:
                for k in range(GREEDY, spec.n):
                    yield Response(q, k, "text", "text", "stop", (-0.5,), (0.25,), (0.5,))

    with pytest.warns(UserWarning, match="token_entropies are lower bounds"):
        run = hg.sample(questions, spec, store=tmp_path, engine=Bounded())
    assert run.column("token_entropies_high", 1) == [[0.5]]
    (path,) = (tmp_path / run.key).glob("part-*.parquet")
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(path).drop_columns(["token_entropies_high"]), sink)
    path.unlink()
    data = sink.getvalue().to_pybytes()
    (path.parent / f"part-{hashlib.sha256(data).hexdigest()}.parquet").write_bytes(data)
    older = hg.sample(questions, spec, store=tmp_path, engine=Bounded())
    assert older.column("token_entropies_high", 1) == [None]
    assert older.column("token_entropies", 1) == [[0.25]]


def test_a_run_that_was_never_written_is_empty(folder):
    assert rows(folder) == {}
    assert not folder.path.exists()


def test_odd_texts_survive(folder):
    odd = ["", "\x00", "line\nline\r\n", "�", "Ünï 🎉", '"quoted", \\', "\u2028"]
    with folder.writing():
        folder.write([Response("q0", k, text, text, "length", (), ()) for k, text in enumerate(odd)], SHAS)
    assert [row["text"] for row in rows(folder)["q0", SHAS["q0"]]] == odd


def test_answers_to_an_older_wording_stay_beside_the_new_ones(folder):
    """Whatever the order of the parts' names: neither wording may hide the other."""
    for attempt in range(6):
        with folder.writing():
            folder.write(answers("q0", said=f"wording {attempt}"), {"q0": f"sha {attempt}"})
    found = rows(folder)
    assert set(found) == {("q0", f"sha {attempt}") for attempt in range(6)}
    for attempt in range(6):
        assert found["q0", f"sha {attempt}"][0]["text"] == f"wording {attempt} q0 -1"


# --- damaged parts --------------------------------------------------------------------------------------------------


def cut(data):
    return data[: len(data) // 2]


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip, lambda data: b"", lambda data: data + b"\0"])
def test_a_damaged_part_is_set_aside_with_a_warning_and_the_others_are_read(written, damage):
    broken = next(path for path in parts(written) if holds(path, "q0"))
    broken.write_bytes(damage(broken.read_bytes()))
    with pytest.warns(UserWarning, match="does not match its checksum") as caught:
        found = rows(written)
    assert str(broken) in str(caught[0].message)
    assert {q for q, _ in found} == {"q2", "q3"}
    assert not broken.exists()
    assert broken.with_suffix(".corrupt").is_file()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # set aside means: said once
        assert rows(written) == found


def test_the_warning_is_one_line_and_points_at_the_caller_of_sample(tmp_path):
    class Engine:
        identity, batch_rows = {"engine": "mine"}, 64

        def generate(self, prompts, spec):
            return [Response(q, k, "a", "a", "stop", (), ()) for q, _, _ in prompts for k in range(GREEDY, spec.n)]

    def sample():
        return hg.sample(ask(2), SamplingSpec(model="m", n=1), store=tmp_path, engine=Engine(), progress=False)

    whole = sample()
    (part,) = tmp_path.glob("*/part-*.parquet")
    part.write_bytes(b"torn")
    with pytest.warns(UserWarning, match="drawn again") as caught:
        again = sample()
    assert again.table == whole.table
    (warning,) = caught
    assert warning.filename == __file__
    assert "\n" not in str(warning.message)


def test_a_part_that_cannot_be_read_is_named(written):
    part = parts(written)[0]
    part.unlink()
    part.mkdir()  # as good as a file without permission, and refused to root too
    with pytest.raises(BadInput, match=r"^cannot read .*Is a directory$") as refused:
        rows(written)
    assert str(part) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_damaged_part_that_cannot_be_set_aside_is_named(written):
    part = parts(written)[0]
    part.write_bytes(b"torn")
    part.with_suffix(".corrupt").mkdir()
    with pytest.raises(BadInput, match="cannot set aside") as refused:
        rows(written)
    assert str(part) in str(refused.value)


def test_a_part_of_another_run_is_not_read(written, tmp_path):
    other = RunFolder(tmp_path / "other", "another run", {})
    with other.writing():
        copied = other.write(answers("q9"), {"q9": SHAS.get("q9", "sha of q9")})
    shutil.copy(copied, written.path)
    with pytest.warns(UserWarning, match="belongs to the run another run; set aside"):
        found = rows(written)
    assert {q for q, _ in found} == {"q0", "q1", "q2", "q3"}
    assert len(list(written.path.glob("*.foreign"))) == 1


@pytest.mark.parametrize("kind", ["no Parquet", "other columns", "other types"])
def test_foreign_content_of_right_checksum_is_set_aside(kind, written):
    sink = pa.BufferOutputStream()
    tables = {
        "other columns": pa.table({"a": [1]}),
        "other types": pa.table({name: ["x"] for name in parts_schema(written)}),
    }
    if kind in tables:
        pq.write_table(tables[kind], sink)
    data = b"PAR1 not really" if kind == "no Parquet" else sink.getvalue().to_pybytes()
    (written.path / f"part-{hashlib.sha256(data).hexdigest()}.parquet").write_bytes(data)
    with pytest.warns(UserWarning, match="is no Parquet file|has other columns"):
        found = rows(written)
    assert {q for q, _ in found} == {"q0", "q1", "q2", "q3"}


def parts_schema(folder):
    return pq.read_table(parts(folder)[0]).column_names


def test_leftovers_may_be_folders(written):
    leftover = written.path / ".part-0.parquet.tmp"
    (leftover / "deep").mkdir(parents=True)
    with written.writing():
        pass
    assert not leftover.exists()


@pytest.mark.parametrize("error", [NotImplementedError("no flock here"), PermissionError(13, "Permission denied")])
def test_a_lock_that_cannot_be_had_says_why(error, written, monkeypatch):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with (
        pytest.raises(BadInput, match=r"cannot lock the run folder .*(no flock here|Permission denied)") as refused,
        written.writing(),
    ):
        pass
    assert "another process" not in str(refused.value)


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A run of four parts and 10,000 rows, and the shas of its questions."""
    folder = RunFolder(tmp_path_factory.mktemp("long"), "key", {})
    shas = {f"q{i}": f"sha {i}" for i in range(2000)}
    entropies = tuple(float(k) for k in range(20))
    with folder.writing():
        for start in range(0, 2000, 500):
            some = [
                Response(f"q{i}", k, f"text {i} {k}", f"text {i} {k}", "stop", entropies, entropies)
                for i in range(start, start + 500)
                for k in range(-1, 4)
            ]
            folder.write(some, shas)
    return folder.path.parent, shas


def assert_settles(before, table):
    """What Arrow holds comes down to little more than a table; its threads let go of what they read a little later."""
    deadline = time.monotonic() + 5
    while pa.total_allocated_bytes() - before >= 4 * table.nbytes:
        assert time.monotonic() < deadline, f"{pa.total_allocated_bytes() - before} bytes for {table.nbytes}"
        time.sleep(0.01)


def test_a_run_is_read_once_and_takes_little_more_than_its_table(long):
    """Rows went through Python dictionaries: 4 kB each, seven times the table."""
    store, shas = long
    folder = RunFolder(store, "key", {})
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    table = folder.table(shas, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 10_000
    assert peak < 10_000 * 400, "bytes of Python objects a row"
    assert_settles(before, table)
    with monkeypatched_reads() as reads:
        assert folder.table(shas, 4) == table
    assert reads == []


def test_of_a_long_run_only_what_is_asked_is_kept(long):
    """Every part stayed in memory whole, however little of it was asked for."""
    store, shas = long
    folder, some = RunFolder(store, "key", {}), {f"q{i}": shas[f"q{i}"] for i in range(0, 2000, 20)}
    before = pa.total_allocated_bytes()
    table = folder.table(some, 4)
    assert len(table) == 500
    assert_settles(before, table)
    with monkeypatched_reads() as reads:
        assert folder.table(some, 4) == table
    assert reads == []


def test_other_questions_of_a_run_that_was_read_are_read(long):
    store, shas = long
    folder = RunFolder(store, "key", {})
    assert folder.table({"q7": "sha 7"}, 4).column("sample").to_pylist() == [-1, 0, 1, 2, 3]
    assert folder.table({"q7": "sha 8"}, 4).num_rows == 0
    assert folder.table({"q7": "sha 7"}, 3).column("sample").to_pylist() == [-1, 0, 1, 2]
    assert folder.table({"q7": "sha 7"}, 5).num_rows == 0
    assert len(folder.table(shas, 4)) == 10_000


def test_what_was_written_since_is_read_as_well(written):
    shas = {q: SHAS[q] for q in ("q0", "q4")}
    assert set(written.table(shas, 2).column("question_id").to_pylist()) == {"q0"}
    with written.writing():
        written.write(answers("q4"), SHAS)
    with monkeypatched_reads() as reads:
        assert set(written.table(shas, 2).column("question_id").to_pylist()) == {"q0", "q4"}
    assert len(reads) == 1


@pytest.mark.parametrize("sample", [-2, -3, 2, 3, 2**31 - 1])
def test_a_row_that_is_none_of_the_answers_hides_no_other(sample, folder):
    """The third of two answers fell on the next question's greedy one."""
    stray = pa.Table.from_pylist(
        [
            {**dataclasses.asdict(r), "sample": sample, QUESTION_SHA: SHAS["q1"]}
            for r in answers("q1", n=0, said="stray")
        ]
    )
    with folder.writing():
        whole = pq.read_table(folder.write(answers("q0", "q1", "q2"), SHAS))
        for path in parts(folder):
            path.unlink()
        sink = pa.BufferOutputStream()  # as earlier versions wrote it, without the run's key
        pq.write_table(pa.concat_tables([whole, stray.cast(whole.schema)]).replace_schema_metadata(), sink)
        data = sink.getvalue().to_pybytes()
        (folder.path / f"part-{hashlib.sha256(data).hexdigest()}.parquet").write_bytes(data)
    table = folder.table({q: SHAS[q] for q in ("q0", "q1", "q2")}, 2)
    assert table.column("sample").to_pylist() == [-1, 0, 1] * 3
    assert not [text for text in table.column("text").to_pylist() if text.startswith("stray")]


@contextlib.contextmanager
def monkeypatched_reads():
    reads, read = [], pq.read_table
    pq.read_table = lambda *given, **named: reads.append(given) or read(*given, **named)
    try:
        yield reads
    finally:
        pq.read_table = read


def test_what_is_not_a_part_is_not_read(written):
    (written.path / ".part-0.parquet.tmp").write_bytes(b"half")
    (written.path / "notes.txt").write_text("mine")
    assert {q for q, _ in rows(written)} == {"q0", "q1", "q2", "q3"}


def test_leftovers_of_a_process_that_died_are_removed_by_the_next_writer(written):
    leftover = written.path / ".part-0.parquet.tmp"
    leftover.write_bytes(b"half")
    with written.writing():
        pass
    assert not leftover.exists()
    assert len(parts(written)) == 2


# --- one writer -----------------------------------------------------------------------------------------------------

HOLD = """
import sys
from homogen.sampling.store import RunFolder
with RunFolder(sys.argv[1], "key", {}).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_who_waits_goes_on_when_the_other_is_done_and_says_why_it_waits(written, monkeypatch, capsys):
    shown = functools.partial(homogen.sampling.store.tqdm, disable=False)
    monkeypatch.setattr(homogen.sampling.store, "tqdm", shown)
    store = str(written.path.parent)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, store], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        timer = threading.Timer(0.5, child.stdin.close)
        timer.start()
        begun = time.monotonic()
        with written.writing(wait=True):
            assert time.monotonic() - begun > 0.4
            written.write(answers("q4"), SHAS)
        assert child.wait(60) == 0
    assert len(rows(written)) == 5
    assert "waiting for another process, which draws the run key" in capsys.readouterr().err


def test_a_second_process_is_refused_and_may_read_meanwhile(written):
    store = str(written.path.parent)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, store], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout.readline() == "held\n"
            with pytest.raises(BadInput, match="another process is writing the run key") as refused, written.writing():
                pytest.fail("two writers")
            assert store in str(refused.value)
            assert "\n" not in str(refused.value)
            assert len(rows(written)) == 4
        finally:
            child.kill()
            child.communicate()
    # The system releases the lock of a process that was killed.
    with written.writing():
        written.write(answers("q4"), SHAS)
    assert len(rows(written)) == 5


def test_an_error_while_writing_releases_the_run(folder):
    with pytest.raises(KeyboardInterrupt), folder.writing():
        raise KeyboardInterrupt
    with folder.writing():
        pass


# --- a disk that says no --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_full_disk_keeps_what_was_written_and_leaves_nothing_half(written, monkeypatch, call):
    before = names(written)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with written.writing():
        monkeypatch.setattr(os, call, full)
        with pytest.raises(BadInput, match="No space left on device; answers written before are kept"):
            written.write(answers("q4"), SHAS)
        monkeypatch.undo()
    assert names(written) == before
    assert {q for q, _ in rows(written)} == {"q0", "q1", "q2", "q3"}


def test_a_full_disk_at_the_first_byte(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left on device"), folder.writing():
        pytest.fail("run.json could not be written")
    monkeypatch.undo()
    assert names(folder) == []
    with folder.writing():
        folder.write(answers("q0"), SHAS)


@pytest.mark.parametrize("way", ["store is a file", "run is a file", "lock is a folder"])
def test_a_store_that_cannot_be_written_is_named(tmp_path, way):
    store = tmp_path / "runs"
    if way == "store is a file":
        store.write_text("in the way")
    elif way == "run is a file":
        store.mkdir()
        (store / "key").write_text("in the way")
    else:
        (store / "key" / "lock").mkdir(parents=True)
    folder = RunFolder(store, "key", {})
    assert rows(folder) == {}
    with pytest.raises(BadInput, match="run folder") as refused, folder.writing():
        pytest.fail("there is no folder to write in")
    assert str(store) in str(refused.value)
    assert "\n" not in str(refused.value)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_the_key_is_stable_and_hashes_every_part():
    parts = {
        "benchmark": "mine",
        "prompt": PromptTemplate("{question}"),
        "spec": SamplingSpec(model="m"),
        "identity": {"engine": "e", "revision": "1"},
    }
    changed = {
        "benchmark": "yours",
        "prompt": PromptTemplate("{question}!"),
        "spec": SamplingSpec(model="m", seed=1),
        "identity": {"engine": "e", "revision": "2"},
    }
    key = run_key(**parts)
    assert key == "81ce3e0eabb91849d9e4"  # another one would orphan everybody's stored runs
    assert len({key, *(run_key(**{**parts, name: value}) for name, value in changed.items())}) == 5
    templates = [PromptTemplate("{question}", **fields) for fields in ({}, {"system": "s"}, {"chat": False})]
    assert len({run_key(**{**parts, "prompt": template}) for template in templates}) == 3
    reordered = dict(reversed(parts["identity"].items()))
    assert run_key(**{**parts, "identity": reordered}) == key


def test_the_key_of_a_number_does_not_depend_on_how_it_was_written():
    plain = PromptTemplate("{question}")
    assert run_key("b", plain, SamplingSpec(model="m", temperature=1), {}) == run_key(
        "b", plain, SamplingSpec(model="m", temperature=1.0), {}
    )


def test_run_json_is_readable_text(written):
    text = (written.path / "run.json").read_text(encoding="utf-8")
    assert "é" in text
    assert json.loads(text)


def test_doctests():
    assert doctest.testmod(homogen.sampling.store).failed == 0
