"""The vLLM engine, against a double of vLLM's documented interface, and against vLLM itself where there is a GPU.

The double knows the arguments of ``LLM`` and ``SamplingParams`` that the documentation names and refuses others. Its
answers are a tiny model's: the transformers engine draws them, one forward pass gives their log-probabilities.
"""

import ast
import dataclasses
import importlib.machinery
import importlib.util
import inspect
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ask
from test_engines_openai import PROMPTS, answers, drawn_tokens, spec, stopped

import homogen as hg
import homogen.engines.vllm as module
from homogen.engines.seeds import request_seed
from homogen.engines.transformers import TransformersEngine
from homogen.engines.vllm import VLLMEngine
from homogen.models.catalogue import Unavailable
from homogen.records import GREEDY, BadInput

REAL = importlib.util.find_spec("vllm") is not None and torch.cuda.is_available()


@dataclasses.dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclasses.dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list
    cumulative_logprob: float | None
    logprobs: list
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclasses.dataclass
class RequestOutput:
    request_id: str
    prompt_token_ids: list
    outputs: list
    finished: bool = True


@dataclasses.dataclass
class SamplingParams:
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop: list | None = None
    max_tokens: int | None = 16
    logprobs: int | None = None
    skip_special_tokens: bool = True


class DoubleLLM:
    """What ``vllm.LLM`` is to this engine; ``script(prompt ids, params)`` -> (text, ids, finish reason)."""

    script = staticmethod(lambda ids, params: ("", [], "stop"))
    network = tokenizer = None
    made = ()

    def __init__(
        self,
        model,
        *,
        dtype="auto",
        trust_remote_code=None,
        tensor_parallel_size=1,
        max_model_len=None,
        enable_prefix_caching=None,
        max_logprobs=20,
        logprobs_mode="raw_logprobs",
        seed=0,
        gpu_memory_utilization=0.9,
    ):
        options = dict(locals())
        del options["self"]
        type(self).made = (*type(self).made, options)
        self.max_logprobs, self.calls = max_logprobs, []
        config = types.SimpleNamespace(
            get_vocab_size=lambda: self.network.config.vocab_size,
        )
        self.llm_engine = types.SimpleNamespace(model_config=config)

    def get_tokenizer(self):
        return self.tokenizer

    def generate(self, prompts, sampling_params, *, use_tqdm=True):
        assert len(prompts) == len(sampling_params)
        self.calls.append((prompts, sampling_params))
        assert use_tqdm is False
        return [
            RequestOutput(str(i), p["prompt_token_ids"], [self.complete(p["prompt_token_ids"], s)])
            for i, (p, s) in enumerate(zip(prompts, sampling_params, strict=True))
        ]

    def complete(self, prompt, params):
        assert params.n == 1
        assert self.max_logprobs == -1 or params.logprobs <= self.max_logprobs
        if len(prompt) > 400:
            raise ValueError("The decoder prompt (length 401) is longer\nthan the maximum model length of 400.")
        text, ids, finish = self.script(prompt, params)
        return CompletionOutput(0, text, ids, None, self.logprobs(prompt, ids, params.logprobs), finish)

    def logprobs(self, prompt, ids, k):
        """As vLLM does it: the k likeliest by rank, and the drawn token beside them if it is not one of them."""
        if not ids:
            return []
        with torch.inference_mode():
            logits = self.network(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
        steps = []
        for token, row in zip(ids, logits.double().log_softmax(-1), strict=True):
            order = row.argsort(descending=True).tolist()
            ranks = {t: i + 1 for i, t in enumerate(order)}
            kept = [token, *(t for t in order[: len(order) if k == -1 else k] if t != token)]
            steps.append({t: Logprob(row[t].item(), ranks[t], "?") for t in kept})
        return steps


@pytest.fixture
def vllm_double(monkeypatch, tiny_models):
    """Put the double where ``import vllm`` finds it, on a machine that seems to have two GPUs."""

    def install(name="llama", script=None):
        model = tiny_models[name]
        kind = type("LLM", (DoubleLLM,), {"network": model.network, "tokenizer": model.tokenizer, "made": ()})
        if script is not None:
            kind.script = staticmethod(script)
        fake = types.SimpleNamespace(LLM=kind, SamplingParams=SamplingParams, __version__="0.0-double")
        monkeypatch.setitem(sys.modules, "vllm", fake)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        return kind

    return install


def replay(model, asked, prompts, ends=()):
    """Answers of the transformers engine, and a script that says them again, token by token."""
    exact = answers(TransformersEngine(model, workers=1), asked, prompts)
    by_seed = {request_seed(asked.seed, q, k): response for (q, k), response in exact.items()}

    def script(prompt, params):
        response = by_seed[params.seed]
        ids = drawn_tokens(model, prompt, response)
        # vLLM gives the end token along, and all tokens of a stop string.
        return response.text, ids + list(ends) * (response.finish == "stop"), response.finish

    return exact, script


def test_the_arguments_are_vllms_own_and_say_everything(vllm_double, model_folders, tiny_models):
    kind = vllm_double()
    engine = VLLMEngine(model_folders["llama"], top_logprobs=50, max_model_len=300, gpu_memory_utilization=0.5)
    assert kind.made == (
        {
            "model": model_folders["llama"],
            "dtype": "bfloat16",
            "trust_remote_code": False,
            "tensor_parallel_size": 2,
            "max_model_len": 300,
            "enable_prefix_caching": True,
            "max_logprobs": 50,
            "logprobs_mode": "raw_logprobs",
            "seed": 0,
            "gpu_memory_utilization": 0.5,
        },
    )
    hard = spec(n=2, temperature=0.7, top_p=0.9, top_k=40, repetition_penalty=1.1, seed=5)
    found = answers(engine, hard, stopped(PROMPTS))
    assert set(found) == {(q, k) for q in ("q0", "q1") for k in (-1, 0, 1)}
    ((prompts, params),) = engine._llm.calls
    tokenizer = tiny_models["llama"].tokenizer
    assert prompts[0] == {"prompt_token_ids": tokenizer("w001 w010 w011 w002 w003")["input_ids"]}
    assert [p.seed for p in params] == [request_seed(5, q, k) for q in ("q0", "q1") for k in (-1, 0, 1)]
    drawn = SamplingParams(1, 0.7, 0.9, 40, 0.0, 1.1, params[1].seed, ["\nQ:"], 12, 50)
    assert params[1] == drawn
    assert params[0] == dataclasses.replace(drawn, temperature=0.0, top_p=1.0, top_k=0, seed=params[0].seed)


def test_temperature_0_asks_every_sample_greedily(vllm_double, model_folders):
    vllm_double()
    engine = VLLMEngine(model_folders["llama"])
    answers(engine, spec(temperature=0, top_k=9))
    assert {(p.temperature, p.top_k) for p in engine._llm.calls[0][1]} == {(0.0, 0)}


def test_thinking_is_switched_off_in_the_template_unless_it_is_wanted(vllm_double, model_folders, monkeypatch):
    kind, given = vllm_double(), []

    def template(messages, **options):
        given.append((messages, options))
        return "w001"

    monkeypatch.setattr(kind.tokenizer, "apply_chat_template", template)
    plain = {"tokenize": False, "add_generation_prompt": True}
    answers(VLLMEngine(model_folders["llama"]), prompts=PROMPTS[:1])
    answers(VLLMEngine(model_folders["llama"], thinking=True), prompts=PROMPTS[:1])
    messages = [{"role": "user", "content": "w010 w011"}]
    assert given == [(messages, {**plain, "enable_thinking": False}), (messages, plain)]


@pytest.mark.parametrize("k", [0, 1, 5, None])
@pytest.mark.parametrize("name", ["llama", "gemma", "bytes"])
def test_texts_and_log_probabilities_are_kept_and_entropies_exact_or_bounded(
    vllm_double, tiny_models, model_folders, name, k
):
    model, asked = tiny_models[name], spec(n=3, seed=4)
    exact, script = replay(model, asked, PROMPTS, ends=[model.tokenizer.eos_token_id])
    vllm_double(name, script)
    found = answers(VLLMEngine(model_folders[name], top_logprobs=k), asked)
    assert found.keys() == exact.keys()
    compared = 0
    for key, response in found.items():
        assert (response.text, response.finish) == (exact[key].text, exact[key].finish)
        m = len(response.token_logprobs)
        assert m >= len(exact[key].token_logprobs) - 1  # a last special token writes nothing
        h = np.array(exact[key].token_entropies[:m])
        np.testing.assert_allclose(response.token_logprobs, exact[key].token_logprobs[:m], atol=1e-4)
        if k is None:
            assert response.token_entropies_high is None
            np.testing.assert_allclose(response.token_entropies, h, atol=1e-4)
        else:
            assert (np.array(response.token_entropies) <= h + 1e-4).all()
            assert (h <= np.array(response.token_entropies_high) + 1e-4).all()
        compared += m
    assert compared > 30


def test_a_stop_string_ends_text_and_statistics(vllm_double, tiny_models, model_folders):
    model = tiny_models["bytes"]
    ids = model.tokenizer("Paris\nQ: x")["input_ids"]
    vllm_double("bytes", lambda prompt, params: ("Paris\nQ: x", ids, "length"))
    response = answers(VLLMEngine(model_folders["bytes"]), spec(n=1), stopped(PROMPTS))["q0", GREEDY]
    assert (response.text, response.finish, len(response.token_logprobs)) == ("Paris", "stop", 5)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hm</think>Paris", "Paris"),
        ("<think>hm</think>Paris", "Paris"),
        ("<think>hm", ""),
        ("Paris", "Paris"),
        ("analysisSydney? No.assistantfinalParis", "Paris"),
        ("hm[/THINK]Paris", "Paris"),
        ("End it with </think> then.", "End it with </think> then."),
    ],
)
def test_reasoning_is_no_answer(vllm_double, tiny_models, model_folders, text, answer):
    ids = tiny_models["bytes"].tokenizer(text)["input_ids"]
    vllm_double("bytes", lambda prompt, params: (text, ids, "length"))
    response = answers(VLLMEngine(model_folders["bytes"]), spec(n=1))["q0", GREEDY]
    assert response.answer == answer
    assert len(response.token_logprobs) == len(ids)


def test_reasoning_that_the_prompt_opens_and_the_limit_cuts_is_no_answer(
    vllm_double, tiny_models, model_folders, monkeypatch
):
    text = "Sydney is the largest, but"
    kind = vllm_double(
        "bytes", lambda prompt, params: (text, tiny_models["bytes"].tokenizer(text)["input_ids"], "length")
    )
    monkeypatch.setattr(kind.tokenizer, "chat_template", "{{ messages }}", raising=False)
    monkeypatch.setattr(kind.tokenizer, "apply_chat_template", lambda messages, **options: "Q <think>\n")
    response = answers(VLLMEngine(model_folders["bytes"]), spec(n=1))["q0", GREEDY]
    assert (response.text, response.answer) == (f"<think>{text}", "")


def test_a_first_space_that_a_tokenizer_drops_costs_no_statistics(vllm_double, tiny_models, model_folders, monkeypatch):
    """SentencePiece: what vLLM writes begins with a space, what the tokenizer decodes does not."""
    kind = vllm_double("bytes", lambda prompt, params: (" Paris", [*ids, end], "stop"))
    ids, end = kind.tokenizer(" Paris")["input_ids"], kind.tokenizer.eos_token_id
    decode = kind.tokenizer.decode
    monkeypatch.setattr(kind.tokenizer, "decode", lambda *rows, **options: decode(*rows, **options).removeprefix(" "))
    response = answers(VLLMEngine(model_folders["bytes"]), spec(n=1))["q0", GREEDY]
    assert (response.answer, len(response.token_logprobs)) == ("Paris", len(ids))


def test_a_base_model_is_asked_without_the_template_of_its_tokenizer(vllm_double, model_folders, tmp_path, monkeypatch):
    kind = vllm_double()
    monkeypatch.setattr(kind.tokenizer, "chat_template", "never {{ messages }}", raising=False)
    (tmp_path / "tiny-Base").symlink_to(model_folders["llama"])
    engine = VLLMEngine(str(tmp_path / "tiny-Base"))
    answers(engine, prompts=PROMPTS[:1])
    assert engine._llm.calls[0][0][0] == {"prompt_token_ids": kind.tokenizer("w010 w011")["input_ids"]}
    assert engine.identity["chat template"] == "left out, a base model"
    assert "chat template" not in VLLMEngine(model_folders["llama"]).identity


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"max_position_embeddings": 512}, 512),
        ({"max_position_embeddings": 131072}, 4096),
        ({"text_config": {"max_position_embeddings": 900}}, 900),
        ({}, 4096),
        (None, 4096),
    ],
)
def test_memory_is_set_aside_for_what_is_asked_not_for_what_could_be(tmp_path, config, window):
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    assert module._window(tmp_path) == window


def test_a_model_that_vllm_does_not_take_costs_its_own_rows_alone(vllm_double, model_folders, monkeypatch):
    kind = vllm_double()

    def fail(self, *arguments, **options):
        raise RuntimeError("Engine core initialization failed.\nSee root cause above.")

    monkeypatch.setattr(kind, "__init__", fail)
    with pytest.raises(Unavailable, match=r"could not load '.*': Engine core initialization failed\. See root cause"):
        VLLMEngine(model_folders["llama"])


def test_a_model_that_is_too_large_is_refused_before_it_is_fetched(vllm_double, monkeypatch):
    vllm_double()
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda i: types.SimpleNamespace(total_memory=10**10))
    with pytest.raises(Unavailable, match=r"wants about 32\.5 GB of memory, and there is room for 20\.0 GB"):
        VLLMEngine("Qwen/Qwen3-14B")


def test_identity_says_what_can_change_an_answer(vllm_double, model_folders, tiny_models):
    vllm_double()
    first = VLLMEngine(model_folders["llama"])
    assert {"engine": "vllm", "version": "0.0-double", "dtype": "bfloat16"}.items() <= first.identity.items()
    assert first.identity["revision"] == tiny_models["llama"].revision
    others = [{"top_logprobs": None}, {"thinking": True}, {"gpu_memory_utilization": 0.5}]
    assert all(VLLMEngine(model_folders["llama"], **other).identity != first.identity for other in others)
    assert VLLMEngine(model_folders["llama"], top_logprobs=None).batch_rows < first.batch_rows


def test_a_run_is_stored(vllm_double, model_folders, tiny_models, tmp_path):
    asked = spec()
    prompts = [(q.id, q.text) for q in ask(3)]
    exact, script = replay(tiny_models["llama"], asked, prompts)
    vllm_double("llama", script)
    engine = VLLMEngine(model_folders["llama"], 5)
    with pytest.warns(UserWarning, match="token_entropies are lower bounds"):
        run = hg.sample(ask(3), asked, store=tmp_path, engine=engine, progress=False)
    assert run.greedy() == [exact[q, GREEDY].answer for q, _ in prompts]
    highs = run.column("token_entropies_high")
    assert all(np.less_equal(low, high).all() for low, high in zip(run.column("token_entropies"), highs, strict=True))


def test_no_prompts_give_no_answers(vllm_double, model_folders):
    vllm_double()
    assert answers(VLLMEngine(model_folders["llama"]), prompts=[]) == {}


def test_a_prompt_that_is_too_long_is_one_line(vllm_double, model_folders):
    vllm_double()
    with pytest.raises(BadInput, match=r"vLLM refused a prompt: The decoder prompt \(length 401\) is longer than the"):
        answers(VLLMEngine(model_folders["llama"]), prompts=[("q", "w001 " * 500)])


def test_what_vllm_refuses_at_the_start_is_one_line(vllm_double, model_folders):
    vllm_double()
    with pytest.raises(BadInput, match=r"vLLM could not load '.*llama': .*unexpected keyword argument 'nonsense'"):
        VLLMEngine(model_folders["llama"], nonsense=1)


def test_no_program_of_a_models_repository_is_run(vllm_double, model_folders):
    kind = vllm_double()
    with pytest.raises(BadInput, match="trust_remote_code cannot be set: no program of a model's repository is run"):
        VLLMEngine(model_folders["llama"], trust_remote_code=True)
    assert kind.made == ()


@pytest.mark.parametrize("field", ["top_logprobs", "max_model_len", "tensor_parallel_size"])
@pytest.mark.parametrize("value", [-1, 2.5, True, "4"])
def test_a_bad_option_is_named(field, value):
    with pytest.raises(BadInput, match=f"{field} must be a whole number of at least [01], or None, got"):
        VLLMEngine("nobody", **{field: value})


def test_without_vllm_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(BadInput, match=r"needs the package vllm .*; run: pip install -e '\.\[vllm\]'"):
        VLLMEngine("smollm2-135m-instruct")


def test_without_a_gpu_one_line_says_so(vllm_double, model_folders, monkeypatch):
    vllm_double()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="torch sees no GPU here"):
        VLLMEngine(model_folders["llama"])


def test_the_module_loads_without_vllm():
    assert "vllm" not in vars(module)


def vllm_source(file):
    """The classes of a file of the installed vLLM: fields and methods' arguments. It is read, not imported: no GPU."""
    found = importlib.machinery.PathFinder.find_spec("vllm")
    if found is None or not found.submodule_search_locations:
        pytest.skip("vLLM is not installed")
    tree = ast.parse((Path(found.submodule_search_locations[0]) / file).read_text(encoding="utf-8"))
    classes = {}
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
        fields = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
        methods = {
            n.name: {a.arg for a in (*n.args.posonlyargs, *n.args.args, *n.args.kwonlyargs)} - {"self"}
            for n in node.body
            if isinstance(n, ast.FunctionDef)
        }
        classes[node.name] = fields, methods
    return classes


def names_of(kind):
    return {field.name for field in dataclasses.fields(kind)}


def test_the_double_takes_no_argument_that_vllm_does_not():
    made = set(inspect.signature(DoubleLLM.__init__).parameters) - {"self"}
    _, methods = vllm_source("entrypoints/llm.py")["LLM"]
    passed_on, _ = vllm_source("engine/arg_utils.py")["EngineArgs"]
    assert made <= methods["__init__"] | passed_on
    assert set(inspect.signature(DoubleLLM.generate).parameters) - {"self"} <= methods["generate"]
    assert "get_tokenizer" in methods
    fields, _ = vllm_source("sampling_params.py")["SamplingParams"]
    assert names_of(SamplingParams) <= fields


def test_the_double_gives_nothing_that_vllm_does_not():
    outputs = vllm_source("outputs.py")
    assert names_of(CompletionOutput) <= outputs["CompletionOutput"][0]
    assert names_of(RequestOutput) <= outputs["RequestOutput"][1]["__init__"]
    assert names_of(Logprob) <= vllm_source("logprobs.py")["Logprob"][0]
    fields, methods = vllm_source("config/model.py")["ModelConfig"]
    assert "get_vocab_size" in methods
    assert {"hf_config", "logprobs_mode", "max_logprobs"} <= fields


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="needs vLLM and a GPU")
def test_vllm_itself_answers_greedily_as_transformers_and_brackets_its_entropies(tmp_path):
    questions = hg.load_questions("pocket", limit=4)
    asked = hg.SamplingSpec(model="smollm2-135m-instruct", n=4)
    full, few = (
        hg.sample(questions, asked, store=tmp_path, engine=VLLMEngine(asked.model, k, 1024, gpu_memory_utilization=0.3))
        for k in (None, 20)
    )
    own = hg.sample(questions, asked, store=tmp_path, device="cuda")
    assert np.mean([a == b for a, b in zip(full.greedy(), own.greedy(), strict=True)]) >= 0.5
    pairs = zip(full.greedy(), few.greedy(), full.column("token_entropies"), few.column("token_entropies"), strict=True)
    for (a, b, exact, low), high in zip(pairs, few.column("token_entropies_high"), strict=True):
        if a == b:
            assert (np.array(low) <= np.array(exact) + 0.1).all()
            assert (np.array(exact) <= np.array(high) + 0.1).all()
