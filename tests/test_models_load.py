"""Weights from folders, levels of quantization, devices, and the embedders."""

import dataclasses
import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import gguf
import numpy as np
import pytest
import torch
from conftest import PAD, WORDS, make_model, read_json, wheel_installed, word_tokenizer

import homogen.models as models
from homogen.engines import vllm
from homogen.engines.transformers import TransformersEngine
from homogen.models.catalogue import CARDS, HubModel, Unavailable
from homogen.models.cross_encoder import load_nli
from homogen.models.embedder import load_embedder
from homogen.models.load import load_model
from homogen.models.quantization import _round_weights
from homogen.models.weights import resolve_weights
from homogen.records import BadInput, PromptTemplate


def one_line(error):
    return "\n" not in str(error.value)


# --- folders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    return Path(make_model(tmp_path / "model", word_tokenizer(WORDS[:20])))


def test_a_folder_loads_ready_to_use(folder):
    loaded = load_model(str(folder), device="cpu")
    assert (loaded.name, loaded.device) == (str(folder), "cpu")
    assert not loaded.network.training
    assert loaded.network.dtype == torch.float32
    assert loaded.tokenizer.padding_side == "left"
    assert loaded.tokenizer.pad_token == loaded.tokenizer.eos_token
    assert not loaded.chat


def test_a_tokenizer_with_its_own_padding_keeps_it_and_one_with_nothing_gets_some(folder, tiny_models):
    assert tiny_models["bytes"].tokenizer.pad_token == PAD
    settings = read_json(folder / "tokenizer_config.json")
    del settings["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    loaded = load_model(str(folder), device="cpu")
    assert loaded.tokenizer.eos_token is None
    batch = loaded.tokenizer(["w001", "w001 w002"], padding=True)
    assert batch["attention_mask"] == [[0, 1], [1, 1]]


def test_the_revision_of_a_folder_follows_its_bytes(folder, tmp_path):
    first = load_model(str(folder), device="cpu").revision
    assert re.fullmatch("[0-9a-f]{64}", first)
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert load_model(str(copy), device="cpu").revision == first  # where it lies does not matter
    (copy / "README.md").write_text("A note changes no answer.")
    assert resolve_weights(str(copy))[1] == first

    def changed(name, change):
        data = (copy / name).read_bytes()
        (copy / name).write_bytes(change(data))
        revision = resolve_weights(str(copy))[1]
        (copy / name).write_bytes(data)
        return revision

    seen = {first}
    for name in ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json"):
        seen.add(changed(name, lambda data: data[:-1] + bytes([data[-1] ^ 1])))
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    seen.add(resolve_weights(str(copy))[1])
    assert len(seen) == 6


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def cut(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:100])


def full_of(name, text):
    return lambda folder: (folder / name).write_text(text)


DAMAGE = {
    "no weights": without("model.safetensors"),
    "no config": without("config.json"),
    "no tokenizer": without("tokenizer.json", "tokenizer_config.json"),
    "cut weights": cut("model.safetensors"),
    "cut config": cut("config.json"),
    "cut tokenizer": cut("tokenizer.json"),
    "nothing": lambda folder: [path.unlink() for path in folder.iterdir()],
    "config nested too deep": full_of("config.json", '{"a": ' * 100_000),
    "config is a list": full_of("config.json", "[1]"),
    "type is a list": full_of("config.json", '{"model_type": []}'),
    "other sizes": lambda folder: put("config.json", {"hidden_size": 16})(folder),
    "sizes are texts": lambda folder: put("config.json", {"hidden_size": "x"})(folder),
    "tokenizer nested too deep": full_of("tokenizer_config.json", '{"a": ' * 100_000),
    "tokenizer is a number": full_of("tokenizer_config.json", "5"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    ("load", "what"), [(load_model, "model"), (load_nli, "NLI model"), (load_embedder, "embedder")]
)
def test_a_folder_that_holds_no_model_is_named(folder, damage, load, what):
    DAMAGE[damage](folder)
    with pytest.raises(BadInput, match=re.escape(f"{what} {str(folder)!r} could not be loaded: ")) as refused:
        load(str(folder), device="cpu")
    assert one_line(refused)


@pytest.mark.parametrize("text", ["[1]", "5", '{"a": ' * 100_000, '{"text_config": [1]}', "{", "{}"])
def test_vllm_sets_aside_the_usual_memory_for_a_configuration_that_says_nothing(text, tmp_path):
    full_of("config.json", text)(tmp_path)
    assert vllm._window(tmp_path) == vllm.WINDOW


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "name", "message"),
    [
        (load_model, "gemma-3-270", "unknown model 'gemma-3-270'; did you mean 'gemma-3-270m'"),
        (load_model, "./models/mine", "unknown model './models/mine'"),
        (load_model, "a/b/c", "unknown model 'a/b/c'"),
        (load_model, "all-minilm-l6-v2", "is an embedder and cannot answer questions; generators: smollm2-135m-inst"),
        (load_embedder, "wordlama", "unknown embedder 'wordlama'; did you mean 'wordllama'"),
        (
            load_embedder,
            "gemma-3-270m",
            "is a generator, not an embedder; embedders: all-minilm-l6-v2, all-mpnet-base-v2, wordl",
        ),
    ],
)
def test_unknown_and_misplaced_names_are_refused_with_the_right_ones(load, name, message):
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        load(name, device="cpu")
    assert one_line(refused)


def test_a_gpu_that_is_not_there_is_said_before_any_weights_are_looked_for(folder):
    for load in (load_model, load_embedder):
        with pytest.raises(BadInput, match="device 'cuda' was asked for, but torch sees no GPU here"):
            load("no-such-model", device="cuda")
    assert load_model(str(folder)).device == "cpu"


@pytest.mark.parametrize("level", ["q8_0", "q5_1", "q5_0", "q4_1", "q4_0"])
def test_weights_are_rounded_as_gguf_rounds_them(folder, level):
    exact, rounded = load_model(str(folder), "cpu"), load_model(f"{folder}:{level}", "cpu")
    assert rounded.revision == f"{exact.revision}:{level}"
    assert rounded.name.endswith(level)
    kind = gguf.GGMLQuantizationType[level.upper()]
    before, after = exact.network.state_dict(), rounded.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    linear = {f"{name}.weight" for name, m in exact.network.named_modules() if isinstance(m, torch.nn.Linear)}
    assert changed == linear - {"lm_head.weight"}
    for name in changed:
        wanted = gguf.quants.dequantize(gguf.quants.quantize(before[name].numpy(), kind), kind)
        np.testing.assert_array_equal(after[name].numpy(), wanted)


def test_fewer_bits_round_more(folder):
    exact = load_model(str(folder), "cpu").network.model.layers[0].mlp.up_proj.weight

    def error(level):
        return (load_model(f"{folder}:{level}", "cpu").network.model.layers[0].mlp.up_proj.weight - exact).abs().mean()

    assert error("q8_0") < error("q5_0") < error("q4_0")


def test_a_model_without_layers_to_round_is_not_called_rounded(folder, monkeypatch):
    network = load_model(str(folder), "cpu").network
    monkeypatch.setattr(torch.nn, "Linear", type("NoLayer", (torch.nn.Module,), {}))
    with pytest.raises(BadInput, match="level q4_0 rounds linear layers, and LlamaForCausalLM has none"):
        _round_weights(network, "q4_0")


def test_a_system_message_goes_into_the_chat_template_and_in_front_of_what_knows_none(folder, tmp_path):
    marks = "{% for m in messages %}<{{ m['role'][0] }} {{ m['content'] }}>{% endfor %}"
    template = PromptTemplate("{question}", system="w009")
    (folder / "chat_template.jinja").write_text(marks)
    assert load_model(str(folder), "cpu").wrap("w001", template) == "<s w009><u w001>"
    assert load_model(str(folder), "cpu").wrap("w001", dataclasses.replace(template, chat=False)) == "w009\n\nw001"
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + marks
    (folder / "chat_template.jinja").write_text(refusing)
    assert load_model(str(folder), "cpu").wrap("w001", template) == "<u w009\n\nw001>"
    silent = "{% for m in messages if m['role'] == 'user' %}<u {{ m['content'] }}>{% endfor %}"
    (folder / "chat_template.jinja").write_text(silent)
    assert load_model(str(folder), "cpu").wrap("w001", template) == "<u w009\n\nw001>"
    (tmp_path / "tiny-Base").symlink_to(folder)
    assert load_model(str(tmp_path / "tiny-Base"), "cpu").wrap("w001", template) == "w009\n\nw001"


def test_a_base_model_is_not_asked_in_the_template_of_its_tokenizer(folder, tmp_path):
    (folder / "chat_template.jinja").write_text("{% for m in messages %}<{{ m['content'] }}>{% endfor %}")
    tuned = load_model(str(folder), "cpu")
    assert (tuned.chat, tuned.wrap("w001")) == (True, "<w001>")
    for name in ("tiny-Base", "tiny-pt"):
        (tmp_path / name).symlink_to(folder)
        base = load_model(str(tmp_path / name), "cpu")
        assert base.tokenizer.chat_template == tuned.tokenizer.chat_template
        assert (base.chat, base.thinks, base.wrap("w001")) == (False, False, "w001")
        assert base.revision == tuned.revision
        # The same weights, asked in another way, are kept apart.
        assert TransformersEngine(base).identity == TransformersEngine(tuned).identity | {
            "chat template": "left out, a base model"
        }


@pytest.mark.parametrize("stage", ["base", "instruct"])
def test_a_known_models_stage_comes_before_its_name(stage, monkeypatch):
    card = HubModel("owner/name-Base", "", stage, 1, False)
    monkeypatch.setattr("homogen.models.load.card_of", {"owner/name-Base": card}.get)
    tokenizer = SimpleNamespace(chat_template="{{ messages }}")
    assert models.asked_in_template("owner/name-Base", tokenizer) == (stage != "base")
    assert not models.asked_in_template("owner/name-Base", SimpleNamespace(chat_template=None))


def test_a_card_whose_memory_ends_while_weights_arrive_is_one_line(folder, monkeypatch):
    def full(*arguments, **options):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", full)
    with pytest.raises(Unavailable, match="does not fit into what is free of the card's memory"):
        load_model(str(folder), "cpu")


@pytest.mark.parametrize("level", ["nf4", "int8"])
def test_levels_of_bitsandbytes_want_a_gpu(folder, level, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        BadInput, match=f"{level} is computed by bitsandbytes, which wants a GPU; on a CPU take one of q8_0"
    ):
        load_model(f"{folder}:{level}")


def test_attention_runs_through_the_fused_kernels_and_the_precision_can_be_chosen(folder):
    loaded = load_model(str(folder), "cpu", dtype="bfloat16")
    assert loaded.network.config._attn_implementation == "sdpa"
    assert loaded.network.dtype == torch.bfloat16
    with pytest.raises(BadInput, match="unknown dtype 'float8'"):
        load_model(str(folder), "cpu", dtype="float8")


def test_a_bert_embedder_in_a_folder_loads_as_one_of_the_hub_does(tmp_path):
    import sentence_transformers
    import transformers
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three"]
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    transformers.BertTokenizer(str(tmp_path / "bert" / "vocab.txt")).save_pretrained(tmp_path / "bert")
    body = Transformer(str(tmp_path / "bert"))
    sentence_transformers.SentenceTransformer(modules=[body, Pooling(16)], device="cpu").save(
        str(tmp_path / "embedder")
    )
    embed = load_embedder(str(tmp_path / "embedder"), "cpu")
    vectors = embed(["one two", "three", "one two"])
    assert vectors.shape == (3, 16)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-6)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def test_a_gpu_is_described_with_its_driver(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 999.12.3\necho 999.12.3\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name, value in {"is_available": True, "device_count": 2, "get_device_name": "Some GPU"}.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    assert models.describe_device() == f"2 x Some GPU, CUDA {torch.version.cuda}, driver 999.12.3"
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert models.describe_device().endswith("driver unknown")
    assert models.describe_device("cpu").startswith("CPU, ")


def test_an_unknown_device_is_refused():
    with pytest.raises(BadInput, match=r"unknown device 'gpu'.*known: auto, cpu, cuda"):
        load_model("smollm2-135m-instruct", device="gpu")


# --- embedders ------------------------------------------------------------------------------------------------------

TEXTS = [
    "The capital of France is Paris.",
    "Paris",
    "",
    "A cat sat on the mat, and then it slept for a while.",
    "Paris",
]


@pytest.fixture(params=["all-minilm-l6-v2", "wordllama"])
def embedder(request):
    if not wheel_installed(request.param):
        pytest.skip(f"the wheel of {request.param} is not installed")
    return load_embedder(request.param, device="cpu")


def test_an_embedder_gives_one_vector_a_text_in_order(embedder):
    vectors = embedder(TEXTS)
    assert vectors.shape == (5, {"all-minilm-l6-v2": 384, "wordllama": 256}[embedder.name])
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(vectors[1], vectors[4], atol=1e-6)
    for i in (0, 1, 3):
        np.testing.assert_allclose(vectors[i], embedder([TEXTS[i]])[0], atol=1e-5)  # batches pad, and add otherwise


def test_an_embedder_is_loaded_once(embedder):
    assert load_embedder(embedder.name, device="cpu") is embedder
    assert load_embedder(embedder.name, "cpu") is embedder
    if not torch.cuda.is_available():
        assert load_embedder(embedder.name) is embedder


def test_no_texts_give_no_vectors(embedder):
    assert embedder([]).shape == (0, embedder(["x"]).shape[1])


def test_like_texts_are_nearer_than_unlike_ones(embedder):
    a, b, c = embedder(["The capital is Paris.", "Paris is the capital.", "He repaired the old bicycle."])
    cosine = lambda x, y: x @ y / np.linalg.norm(x) / np.linalg.norm(y)  # noqa: E731
    assert cosine(a, b) > cosine(a, c) + 0.3


def test_the_order_of_many_texts_is_kept_across_chunks():
    if not wheel_installed("wordllama"):
        pytest.skip("the wheel of wordllama is not installed")
    embed = load_embedder("wordllama", device="cpu")
    random = np.random.default_rng(0)
    words = ["red", "green", "blue", "house", "river", "seven", "quickly", "Paris"]
    texts = [" ".join(random.choice(words, random.integers(1, 12))) for _ in range(600)]
    vectors = embed(texts)
    for i in range(0, 600, 37):
        np.testing.assert_allclose(vectors[i], embed([texts[i]])[0], atol=1e-6)


def test_wordllama_is_the_average_of_its_token_vectors():
    if not wheel_installed("wordllama"):
        pytest.skip("the wheel of wordllama is not installed")
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    weights, tokenizer = (file.locate() for file in CARDS["wordllama"].files)
    (matrix,) = load_file(weights).values()
    tokenizer = Tokenizer.from_file(str(tokenizer))
    texts = [text for text in TEXTS if text]
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    expected = [matrix[i].astype(np.float64).mean(0) for i in ids]
    np.testing.assert_allclose(load_embedder("wordllama", device="cpu")(texts), expected, atol=1e-5)


def test_minilm_is_the_masked_mean_of_its_last_layer():
    """Against transformers alone: mean over the tokens, then unit length."""
    if not wheel_installed("all-minilm-l6-v2"):
        pytest.skip("the wheel of all-minilm-l6-v2 is not installed")
    from transformers import AutoModel, AutoTokenizer

    folder = CARDS["all-minilm-l6-v2"].files[0].locate().parent
    tokenizer, network = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    found = load_embedder("all-minilm-l6-v2", device="cpu")(TEXTS[:2])
    for vector, text in zip(found, TEXTS, strict=False):
        with torch.inference_mode():
            states = network(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(vector, states / states.norm(), atol=1e-5)


needs_minilm = pytest.mark.skipif(not wheel_installed("all-minilm-l6-v2"), reason="the wheel is not installed")


@needs_minilm
def test_texts_that_differ_beyond_what_is_read_are_said_to_be_cut():
    embed = load_embedder("all-minilm-l6-v2", device="cpu", max_length=32)
    long = "The cat sat on the mat and looked at the moon. " * 6
    with pytest.warns(UserWarning, match=r"2 of 3 texts are longer than 32 tokens and were cut"):
        vectors = embed([long + "It is alive.", long + "It is dead.", "Paris"])
    assert embed.truncated == 2
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)  # which nobody could tell from the vectors
    embed(["just below " * 10])
    assert embed.truncated == 2
    whole = load_embedder("all-minilm-l6-v2", device="cpu")
    assert whole.max_length == 256
    assert not np.allclose(whole([long + "It is alive."]), whole([long + "It is dead."]), atol=1e-3)


@needs_minilm
def test_an_embedder_in_half_precision_is_near():
    half = load_embedder("all-minilm-l6-v2", device="cpu", dtype="bfloat16")
    full = load_embedder("all-minilm-l6-v2", device="cpu")
    a, b = half(TEXTS[:2]), full(TEXTS[:2])
    cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert (cosines > 0.99).all()
    assert not np.array_equal(a, b)


@needs_minilm
@pytest.mark.parametrize("length", [2, 257, 8.5, True])
def test_a_length_that_an_embedder_does_not_read(length):
    with pytest.raises(BadInput, match=rf"max_length must lie between 3 and the 256 tokens .* got {length}"):
        load_embedder("all-minilm-l6-v2", device="cpu", max_length=length)


def test_an_unknown_precision():
    with pytest.raises(BadInput, match="unknown dtype 'float16'"):
        load_embedder("wordllama", device="cpu", dtype="float16")


OWN = "own.Own"
AUTO = dict.fromkeys(("AutoModel", "AutoModelForCausalLM", "AutoModelForSequenceClassification"), OWN)


def put(name, content):
    """A change of a folder: a file of JSON, whose entries go to those that it has."""

    def change(folder):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps((read_json(path) if path.is_file() else {}) | content))

    return change


def modules(*types, files=()):
    """A change of a folder: an embedder of modules of these types."""

    def change(folder):
        listed = [
            {"idx": i, "name": str(i), "path": f"{i}_" if i else "", "type": kind} for i, kind in enumerate(types)
        ]
        (folder / "modules.json").write_text(json.dumps(listed))
        for name, content in files:
            put(name, content)(folder)

    return change


@pytest.fixture
def own_code(model_folders, tmp_path, monkeypatch):
    """A model's folder with a module ``own`` in it, and a check that a loader refuses it without running that."""
    folder, ran = shutil.copytree(model_folders["dice"], tmp_path / "own"), tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass Own: pass\n")
    # As where somebody works in the folder itself.
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("somebody was asked"))

    def refused(load):
        with pytest.raises(BadInput, match="could not be loaded: ") as mistake:
            load(str(folder), device="cpu")
        assert one_line(mistake)
        assert not ran.exists()
        assert "own" not in sys.modules
        return str(mistake.value)

    return folder, refused


CODE = {
    "config": put("config.json", {"model_type": "own", "auto_map": AUTO | {"AutoConfig": OWN}}),
    # A type that transformers knows, and has no model of its own for.
    "model": put("config.json", {"model_type": "clap_text_model", "auto_map": AUTO}),
    "tokenizer": put("tokenizer_config.json", {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": [OWN, None]}}),
}


@pytest.mark.parametrize("place", CODE)
@pytest.mark.parametrize("load", [load_model, load_nli, load_embedder])
def test_code_in_a_model_folder_is_never_run(load, place, own_code):
    """transformers asks on standard input, and then runs it."""
    folder, refused = own_code
    CODE[place](folder)
    assert str(folder) in refused(load)
    assert not (folder.parent / "ran").exists()


ST = "sentence_transformers.models"
EMBEDDERS = {
    "own module": (modules(OWN), OWN),
    "a module from elsewhere": (modules("evil.Module"), "evil.Module"),
    "a path": (modules("/own.py"), "/own.py"),
    "no type": (modules(None), "NoneType"),
    "no module of theirs": (modules("sentence_transformers.evil.Module"), "sentence_transformers.evil"),
    "no class of theirs": (modules(f"{ST}.Evil"), "Evil"),
    "no module at all": (modules("sentence_transformers.util.fullname"), "has no attribute 'load'"),
    "within a router": (modules(f"{ST}.Router", files=[("router_config.json", {"types": {"a": OWN}})]), OWN),
    "tokenizer of words": (
        modules(f"{ST}.WordEmbeddings", files=[("wordembedding_config.json", {"tokenizer_class": OWN})]),
        OWN,
    ),
    "activation": (
        modules(
            f"{ST}.Transformer",
            f"{ST}.Pooling",
            f"{ST}.Dense",
            files=[
                ("1_/config.json", {"word_embedding_dimension": 32}),
                ("2_/config.json", {"in_features": 32, "out_features": 2, "bias": True, "activation_function": OWN}),
            ],
        ),
        "",
    ),
    "processor": (put("processor_config.json", {"processor_class": "Own", "auto_map": {"AutoProcessor": OWN}}), ""),
    "list is no list": (put("modules.json", {"a": 1}), ""),
    "list is nested too deep": (lambda folder: (folder / "modules.json").write_text("[" * 100_000), "RecursionError"),
    "list is cut": (lambda folder: (folder / "modules.json").write_text("[{"), ""),
    "list without types": (lambda folder: (folder / "modules.json").write_text('[{"path": ""}]'), "KeyError: 'type'"),
}


@pytest.mark.parametrize("case", EMBEDDERS)
def test_an_embedder_of_unknown_modules_is_one_line_and_runs_nothing(case, own_code):
    change, named = EMBEDDERS[case]
    folder, refused = own_code
    change(folder)
    assert named in refused(load_embedder)


def test_an_embedder_is_told_to_run_no_code(folder, monkeypatch):
    """Their default says the same, and may change."""
    told = {}

    def note(*_, **options):
        told.update(options)
        raise OSError("noted")

    monkeypatch.setattr("sentence_transformers.SentenceTransformer", note)
    with pytest.raises(BadInput, match="noted"):
        load_embedder(str(folder), device="cpu")
    assert told["trust_remote_code"] is False
