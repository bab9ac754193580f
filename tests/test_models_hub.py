"""Weights from the hub, against a local server that speaks its protocol; the client runs in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import WORDS, make_model, word_tokenizer
from hub_server import COMMIT, Hub

from homogen.models import hub
from homogen.models.catalogue import Unavailable
from homogen.models.cross_encoder import load_nli
from homogen.models.embedder import load_embedder
from homogen.models.load import load_model

FETCH = """
import json, sys
from homogen.models import hub
for name in sys.argv[1:]:
    try:
        folder, commit = hub.fetch(name)
        found = ["fetched", sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()), commit]
    except ValueError as error:
        found = [type(error).__name__, str(error), ""]
    print(json.dumps(found))
"""
DRAW = """
import sys, homogen as hg
questions = [hg.Question("a", "mine", "w001 w002", references=("w003",))]
run = hg.sample(questions, hg.SamplingSpec(model=sys.argv[1], n=2, max_new_tokens=4), store=sys.argv[2], device="cpu")
print(run.identity["revision"], len(run.table))
"""


def client(code, *arguments, home, endpoint, **environment):
    """Run the hub's client against a server, with a cache of its own."""
    settings = {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=kept | settings | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def fetch(*names, home, endpoint, **environment):
    output = client(FETCH, *names, home=home, endpoint=endpoint, **environment)
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def model(tmp_path):
    """A model as hubs hold one: other forms of its weights lie beside them."""
    folder = tmp_path / "model"
    make_model(folder, word_tokenizer(WORDS[:20]))
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.safetensors").write_bytes(b"another form")
    (folder / "pytorch_model.bin").write_bytes(b"a third form")
    (folder / "README.md").write_text("about")
    return folder


def test_a_model_is_fetched_once_and_without_its_other_forms(model, tmp_path):
    with Hub({"mine/tiny": model}) as server:
        (first,) = fetch("mine/tiny", home=tmp_path / "home", endpoint=server.url)
        downloads = len([path for verb, path in server.asked if verb == "GET" and "/resolve/" in path])
        (again,) = fetch("mine/tiny", home=tmp_path / "home", endpoint=server.url)
        assert [path for verb, path in server.asked if verb == "GET" and "/resolve/" in path][downloads:] == []
    assert first == again
    kind, files, commit = first
    assert (kind, commit) == ("fetched", COMMIT)
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(files)
    assert not {"pytorch_model.bin", "README.md", "onnx/model.safetensors"} & set(files)


def test_pickled_weights_are_fetched_where_there_are_no_others(model, tmp_path):
    (model / "model.safetensors").unlink()
    shutil.rmtree(model / "onnx")
    with Hub({"mine/old": model}) as server:
        ((kind, files, _),) = fetch("mine/old", home=tmp_path / "home", endpoint=server.url)
    assert kind == "fetched"
    assert "pytorch_model.bin" in files


def test_what_cannot_be_had_is_said_in_one_line_each(model, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.json").write_text("{}")
    with Hub({"mine/gated": model, "mine/empty": empty}, gated=["mine/gated"]) as server:
        gated, absent, without = fetch(
            "mine/gated", "mine/absent", "mine/empty", home=tmp_path / "home", endpoint=server.url
        )
    assert gated[:2] == [
        "Unavailable",
        "mine/gated is gated: accept its licence at https://huggingface.co/mine/gated, then set HF_TOKEN",
    ]
    assert absent[0] == "Unavailable"
    assert absent[1].startswith("the hub has no model mine/absent")
    assert without[:2] == [
        "Unavailable",
        "mine/empty holds no weights that transformers can load (.safetensors or .bin)",
    ]


def test_a_token_opens_a_gated_model_and_is_written_nowhere(model, tmp_path):
    with Hub({"mine/gated": model}, gated=["mine/gated"]) as server:
        ((kind, _, _),) = fetch("mine/gated", home=tmp_path / "home", endpoint=server.url, HF_TOKEN="hf_secret")
    assert kind == "fetched"
    kept = [p for p in (tmp_path / "home").rglob("*") if p.is_file()]
    assert kept
    assert not [p for p in kept if b"hf_secret" in p.read_bytes()]


def test_a_transfer_that_breaks_off_ends_well(model, tmp_path):
    with Hub({"mine/tiny": model}, breaks=["model.safetensors"]) as server:
        ((kind, _, commit),) = fetch("mine/tiny", home=tmp_path / "home", endpoint=server.url)
        assert server.breaks == set()
    assert kind == "fetched"
    (made,) = (tmp_path / "home").rglob(f"snapshots/{commit}/model.safetensors")
    assert made.read_bytes() == (model / "model.safetensors").read_bytes()


def test_a_server_in_trouble_and_one_that_is_gone(model, tmp_path):
    with Hub({"mine/tiny": model}, trouble=["mine/tiny"]) as server:
        ((kind, message, _),) = fetch("mine/tiny", home=tmp_path / "home", endpoint=server.url)
    assert kind == "Unavailable"
    assert "mine/tiny" in message
    assert "\n" not in message
    ((kind, message, _),) = fetch("mine/tiny", home=tmp_path / "home", endpoint=server.url)
    assert kind == "Unavailable"
    assert "mine/tiny is not in the hub's cache and the hub cannot be reached" in message


def test_answers_are_drawn_from_a_model_of_the_hub_and_keyed_by_its_commit(model, tmp_path):
    with Hub({"mine/tiny": model}) as server:
        output = client(DRAW, "mine/tiny", tmp_path / "runs", home=tmp_path / "home", endpoint=server.url)
    assert output.split() == [COMMIT, "3"]
    # Once it is in the cache, no network is needed.
    offline = client(
        DRAW, "mine/tiny", tmp_path / "other", home=tmp_path / "home", endpoint=server.url, HF_HUB_OFFLINE="1"
    )
    assert offline == output


@pytest.mark.parametrize("load", [load_model, load_embedder, load_nli], ids=lambda f: f.__name__)
def test_without_a_network_every_loader_says_what_is_missing(load):
    # conftest sets HF_HUB_OFFLINE: what is not in the cache cannot be had.
    with pytest.raises(Unavailable, match="no-such-owner/no-such-model is not in the hub's cache") as refused:
        load("no-such-owner/no-such-model", device="cpu")
    assert "\n" not in str(refused.value)


def test_what_is_wanted_of_a_repository_is_what_loaders_read():
    assert Path("1_Pooling/config.json").match(hub.WANTED[0])


def test_a_download_that_broke_off_is_not_taken_for_a_whole_model(tmp_path, monkeypatch):
    config, index = tmp_path / "config.json", tmp_path / "model.safetensors.index.json"
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(config) if config.exists() else None)
    assert not hub.cached("mine/model")
    config.write_text("{}")
    assert not hub.cached("mine/model")
    index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}))
    (tmp_path / "model-1.safetensors").write_bytes(b"1")
    assert not hub.cached("mine/model")
    (tmp_path / "model-2.safetensors").write_bytes(b"2")
    assert hub.cached("mine/model")
    index.unlink()
    assert not hub.cached("mine/model")  # nothing says how many there are


def test_weights_in_two_formats_of_which_one_was_fetched_are_whole(tmp_path, monkeypatch):
    """Of a repository with both we fetch .safetensors alone, but every index."""
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(tmp_path / "config.json"))
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"a": "pytorch_model-1.bin"}}))
    (tmp_path / "training_args.bin").write_bytes(b"0")
    assert not hub.cached("mine/model")
    (tmp_path / "model-1.safetensors").write_bytes(b"1")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-1.safetensors"}}))
    assert hub.cached("mine/model")
    (tmp_path / "model-1.safetensors").unlink()
    assert not hub.cached("mine/model")
    (tmp_path / "pytorch_model-1.bin").write_bytes(b"1")
    assert hub.cached("mine/model")


@pytest.mark.parametrize(
    "name", ["training_args.bin", "optimizer.bin", "adapter_model.safetensors", "model-00001-of-00002.safetensors"]
)
def test_files_beside_the_weights_and_parts_of_them_are_no_whole_weights(name, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_bytes(b"0")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(tmp_path / "config.json"))
    assert not hub.cached("mine/model")
    (tmp_path / "model.safetensors").write_bytes(b"0")
    assert hub.cached("mine/model")


@pytest.mark.parametrize(
    "text", ["", '{"weight_map": {"a": "mod', "[]", "{}", '{"weight_map": {}}', '{"weight_map": 5}']
)
def test_an_index_that_broke_off_is_no_whole_download(text, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-1.safetensors").write_bytes(b"0")
    (tmp_path / "model.safetensors.index.json").write_text(text)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(tmp_path / "config.json"))
    assert not hub.cached("mine/model")
