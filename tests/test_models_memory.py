"""What a model wants of memory, and what is said where there is too little."""

import doctest
import json
import struct

import pytest
from conftest import WORDS, make_model, word_tokenizer
from tiny_gguf import tiny_gguf

from homogen.models import memory
from homogen.models.catalogue import CARDS, Unavailable, hub_models
from homogen.models.load import load_model
from homogen.records import BadInput


def test_doctests():
    found = doctest.testmod(memory)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.fixture
def folder(tmp_path):
    make_model(tmp_path / "model", word_tokenizer(WORDS[:20]))
    return tmp_path / "model"


def test_parameters_are_counted_off_the_headers(folder):
    loaded = load_model(str(folder), device="cpu")
    assert memory.count_parameters(folder) == sum(p.numel() for p in loaded.network.parameters())


def test_files_of_a_model_in_parts_add_up(tmp_path):
    for i, shape in enumerate([[3, 4], [5], []]):
        header = json.dumps(
            {"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}, "__metadata__": {}}
        ).encode()
        (tmp_path / f"model-{i}.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    assert memory.count_parameters(tmp_path) == 12 + 5 + 1


def test_weights_that_are_there_in_two_forms_are_counted_once(folder):
    before = memory.count_parameters(folder)
    (folder / "consolidated.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    assert memory.count_parameters(folder) == before


def test_a_folder_without_safetensors_is_not_counted(tmp_path):
    assert memory.count_parameters(tmp_path) is None


@pytest.mark.parametrize("data", [b"", b"abc", struct.pack("<Q", 10**15), struct.pack("<Q", 4) + b"nope"])
def test_a_damaged_header_is_named(tmp_path, data):
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(BadInput, match=r"model\.safetensors is damaged: its header cannot be read"):
        memory.count_parameters(tmp_path)


def test_bytes_by_hand():
    assert memory.needed(1000, "float32") == 4400
    assert memory.needed(1000, "bfloat16") == 2200
    # The tables of tokens stay at 16 bits: 130 weights of two bytes, 870 of one, and a tenth more.
    assert memory.needed(1000, "bfloat16", "int8") == 1243
    # Rounded to a GGUF level, the weights are kept at full precision.
    assert memory.needed(1000, "float32", "q4_0") == memory.needed(1000, "float32")


def test_bfloat16_where_it_is_the_faster(tmp_path, monkeypatch):
    described = {
        "amx": "flags : fpu avx512f amx_bf16 amx_tile",
        "avx": "flags : avx512_bf16 avx2",
        "plain": "flags : avx512f notamx_bf16s",
    }
    for name, text in described.items():
        (tmp_path / name).write_text(text)
    found = [memory.multiplies_bfloat16(str(tmp_path / name)) for name in ("amx", "avx", "plain", "none")]
    assert found == [True, True, False, False]
    for units in (True, False):
        monkeypatch.setattr(memory, "multiplies_bfloat16", lambda units=units: units)
        assert memory.default_dtype("cpu", 1544) == ("bfloat16" if units else "float32")
        assert [memory.default_dtype("cpu", size) for size in (135, memory.LARGE, None)] == ["float32"] * 3
        assert memory.default_dtype("cuda", 135) == "bfloat16"


def test_the_size_of_a_model_that_lies_here(folder, tmp_path):
    assert memory.size_at("qwen2.5-coder-1.5b-instruct") == 1544
    assert memory.size_at("mine/unknown") is None
    assert memory.size_at(str(folder)) == memory.count_parameters(folder) // 10**6
    path = tiny_gguf(tmp_path / "tiny.gguf")
    # Two tables, three norms, four projections of attention and three of the layer behind it.
    assert memory.gguf_parameters(path) == 2 * 40 * 16 + 3 * 16 + 4 * 16 * 16 + 3 * 24 * 16
    assert memory.size_at(str(path)) == 0


def test_one_card_before_several_and_several_before_none():
    assert memory.place("m", 10, [10], "bfloat16") == "one"
    # The first card is the one that a model goes to by itself.
    assert memory.place("m", 10, [4, 10], "bfloat16") == "several"
    assert memory.place("m", 10, [6, 6], "bfloat16") == "several"
    for free in ([6], [3, 3, 3], []):
        with pytest.raises(BadInput, match="wants about"):
            memory.place("m", 10, free, "bfloat16")


def test_too_little_memory_says_the_estimate_and_the_nearest_that_fits():
    want = memory.needed(14768 * 10**6, "bfloat16")
    with pytest.raises(BadInput) as error:
        memory.place("Qwen/Qwen3-14B", want, [15 * 10**9], "bfloat16")
    assert str(error.value) == (
        "model 'Qwen/Qwen3-14B' wants about 32.5 GB of memory, and there is room for 15.0 GB; "
        "the nearest that fits: Qwen/Qwen3-14B:nf4"
    )
    with pytest.raises(BadInput, match="no model that is known here fits"):
        memory.place("Qwen/Qwen3-14B", want, [1000], "bfloat16")


def test_the_nearest_is_of_the_same_family_and_stage_and_fits():
    room = 4 * 10**9
    name = memory.nearest("allenai/OLMo-2-1124-7B-SFT", room, "float32")
    assert name is None or memory.needed({**CARDS, **hub_models()}[name].size * 10**6, "float32") <= room
    assert memory.nearest("allenai/OLMo-2-1124-7B-SFT", 4 * 10**9, "bfloat16") == "allenai/OLMo-2-0425-1B-SFT"
    assert memory.nearest("mine/unknown", 10**9, "bfloat16") == "HuggingFaceTB/SmolLM2-360M"


def test_a_model_too_large_for_this_machine_is_refused_before_it_is_loaded(folder, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: [1000])
    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", lambda *a, **k: pytest.fail("loaded"))
    with pytest.raises(BadInput, match=r"wants about 0\.0 GB of memory"):
        load_model(str(folder), device="cpu")


def test_a_known_model_is_measured_before_it_is_fetched(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: [2 * 10**9])
    monkeypatch.setattr(memory, "multiplies_bfloat16", lambda: False)
    monkeypatch.setattr("homogen.models.load.resolve_weights", lambda *name: pytest.fail("fetched"))
    with pytest.raises(
        Unavailable, match=r"'Qwen/Qwen3-4B' wants about 17\.7 GB of memory, and there is room for 2\.0 GB"
    ):
        load_model("Qwen/Qwen3-4B", device="cpu")
    memory.check_room("gemma-3-270m", "cpu")
    memory.check_room("Qwen/Qwen3-0.6B", "cpu", "bfloat16")
    with pytest.raises(Unavailable, match="the nearest that fits: "):
        memory.check_room("Qwen/Qwen3-0.6B", "cpu")


def test_a_model_is_measured_against_the_whole_of_all_cards(monkeypatch):
    class Card:
        total_memory = 16 * 10**9

    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda i: Card)
    memory.check_room("Qwen/Qwen3-4B", "cuda")
    monkeypatch.setattr(memory, "find_spec", lambda name: "installed")
    memory.check_room("Qwen/Qwen3-14B:nf4", "cuda")
    with pytest.raises(
        Unavailable, match=r"wants about 32\.5 GB of memory, and there is room for 32\.0 GB; .*Qwen3-14B:nf4"
    ):
        memory.check_room("Qwen/Qwen3-14B", "cuda")


def test_a_package_that_is_not_installed_is_said_before_anything_is_fetched(monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "find_spec", asked.append)
    with pytest.raises(Unavailable, match=r"int8 wants the package bitsandbytes, .* pip install -e '\.\[gpu\]'"):
        memory.check_room("mine/own:int8", "cuda")
    assert asked == ["bitsandbytes"]


def test_this_machine_has_memory():
    assert memory.free_memory("cpu")[0] > 10**8
