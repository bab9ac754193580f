"""A tiny DeBERTa-v2, trained here to pass its self-check, loaded the way a user's own folder is loaded."""

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import homogen as hg
from homogen.models.catalogue import NLI_MODELS, Unavailable
from homogen.models.cross_encoder import CrossEncoder, _cuts, load_nli
from homogen.nli.asking import CHECK_PAIRS, NLI
from homogen.records import BadInput

ENTAILS, NEUTRAL, CONTRADICTS = "entailment", "neutral", "contradiction"
LABELS = {0: CONTRADICTS, 1: ENTAILS, 2: NEUTRAL}  # the order of cross-encoder/nli-deberta-v3-*
OTHER = ["The fox is red.", "Rome is old.", "Tea is hot."]


def training_pairs():
    contradiction = CHECK_PAIRS[-1]
    texts = [*dict.fromkeys(text for pair in CHECK_PAIRS for text in pair), *OTHER]
    pairs = {(a, b): NEUTRAL for a in texts for b in texts}
    pairs |= {(a, a): ENTAILS for a in texts}
    pairs |= {contradiction: CONTRADICTS, contradiction[::-1]: CONTRADICTS}
    return pairs


def pair_tokenizer(texts, template="[CLS] $A [SEP] $B:1 [SEP]:1"):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in texts for word in text.replace(".", " .").split()})
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*special, *words])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=template, special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    names = dict(zip(("pad_token", "cls_token", "sep_token", "unk_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights and tokenizer on disk: two layers, trained on 64 pairs until it has them by heart."""
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    home = tmp_path_factory.mktemp("nli")
    pairs = training_pairs()
    tokenizer = pair_tokenizer([text for pair in pairs for text in pair])
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        relative_attention=True,
        position_biased_input=False,
        pos_att_type=["p2c", "c2p"],
        type_vocab_size=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pooler_dropout=0.0,
        pooler_hidden_size=48,
        id2label=LABELS,
        label2id={label: i for i, label in LABELS.items()},
    )
    torch.manual_seed(0)
    network = DebertaV2ForSequenceClassification(config)
    batch = tokenizer([a for a, _ in pairs], [b for _, b in pairs], padding=True, return_tensors="pt")
    wanted = torch.tensor([config.label2id[label] for label in pairs.values()])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(300):
        loss = torch.nn.functional.cross_entropy(network(**batch).logits, wanted)
        if loss < 0.02:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.save_pretrained(home)
    tokenizer.save_pretrained(home)
    return home


@pytest.fixture(scope="module")
def model(folder):
    return load_nli(str(folder), device="cpu")


def changed(folder, tmp_path, **changes):
    """A copy of the folder with other entries in its config."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | changes))
    return str(copy)


def test_columns_are_entailment_neutral_contradiction_whatever_the_models_order(model):
    pairs = training_pairs()
    p = model(list(pairs))
    names = np.array([ENTAILS, NEUTRAL, CONTRADICTS])
    assert names[p.argmax(axis=1)].tolist() == list(pairs.values())
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    assert p.dtype == np.float64


def test_agrees_with_the_network_asked_pair_by_pair(model, folder):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pairs = list(training_pairs())[::7]
    for pair, found in zip(pairs, model(pairs), strict=True):
        with torch.no_grad():
            p = network(**tokenizer(*pair, return_tensors="pt")).logits[0].double().softmax(-1)
        np.testing.assert_allclose(found, p[[1, 2, 0]], atol=1e-5)  # float32 sums in another order


def test_batch_sizes_do_not_change_the_answers(model, folder):
    pairs = list(training_pairs())
    for tokens in (1, 40, 300):
        small = load_nli(str(folder), device="cpu", padded_tokens=tokens)
        np.testing.assert_allclose(small(pairs), model(pairs), atol=1e-5)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_batches_side_by_side_give_the_same_answers(model, workers):
    threads = torch.get_num_threads()
    several = CrossEncoder(model._network, model._tokenizer, "several", padded_tokens=60, workers=workers)
    pairs = list(training_pairs())
    np.testing.assert_allclose(several(pairs), model(pairs), atol=1e-5)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("tokens", [2, 9, 20, 30, 64])
@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"share_att_key": True},
        {"position_buckets": 8},  # distances above 4 share places in the table, as above 128 in DeBERTa-v3
        {"position_buckets": 8, "share_att_key": True, "norm_rel_ebd": "layer_norm"},
        {"position_buckets": 56},  # so many that the shared places lie farther out than the distances
        {"pos_att_type": ["c2p"]},
        {"max_relative_positions": 16},  # what is farther apart counts as 16
    ],
    ids=str,
)
def test_leaving_out_distances_that_do_not_occur_changes_nothing(model, kind, tokens):
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import DebertaV2ForSequenceClassification

    torch.manual_seed(0)
    config = type(model._network.config)(**model._network.config.to_dict() | {"initializer_range": 0.5} | kind)
    whole = DebertaV2ForSequenceClassification(config).double().eval().requires_grad_(False)
    near = CrossEncoder(whole, model._tokenizer, "near")._network
    ids = torch.randint(4, config.vocab_size, (3, tokens))
    seen = torch.ones_like(ids)
    seen[0, -1] = 0  # one row is padded
    work = {}
    for network in (whole, near):
        with FlopCounterMode(display=False) as counter:
            work[network] = network(input_ids=ids, attention_mask=seen).logits, counter.get_total_flops()
    np.testing.assert_allclose(work[near][0], work[whole][0], rtol=1e-10, atol=1e-12)
    assert work[whole][0].std() > 0.01
    table = whole.deberta.encoder.layer[0].attention.self.pos_ebd_size
    assert work[near][1] <= work[whole][1]
    assert work[near][1] < work[whole][1] or tokens > 0.6 * table
    assert [p.data_ptr() for p in near.parameters()] == [p.data_ptr() for p in whole.parameters()]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=60).map(lambda row: sorted(row, reverse=True)),
    st.integers(1, 120),
    st.integers(1, 4),
)
def test_batches_are_no_larger_than_said_and_hardly_more_than_need_be(length, tokens, workers):
    batches = np.split(np.array(length), _cuts(np.array(length), tokens, workers))
    assert np.concatenate(batches).tolist() == length
    assert all(len(rows) == 1 or len(rows) * rows[0] <= tokens for rows in batches)
    plain, left = [], length
    while left:
        size = max(1, tokens // left[0])
        plain, left = [*plain, left[:size]], left[size:]
    assert len(plain) <= len(batches) <= len(plain) + -len(plain) % workers
    assert max(len(rows) * rows[0] for rows in batches) <= max(len(rows) * rows[0] for rows in plain)


def test_equal_rows_are_shared_out_evenly():
    for rows, workers, sizes in ((18, 2, [5, 5, 5, 3]), (18, 1, [6, 6, 6]), (9, 3, [3, 3, 3]), (4, 4, [1, 1, 1, 1])):
        batches = np.split(np.arange(rows), _cuts(np.full(rows, 10), 80, workers))  # at most eight in one
        assert [len(batch) for batch in batches] == sizes


def with_forward(model, forward, **options):
    """A model of the same tokenizer whose network does this with a batch."""
    network = copy.deepcopy(model._network)
    network.forward = forward
    return CrossEncoder(network, model._tokenizer, "other", **options)


def test_an_error_in_a_worker_is_the_callers(model):
    several = with_forward(model, lambda **_: 1 / 0, padded_tokens=60, workers=2)
    with pytest.raises(ZeroDivisionError):
        several(list(training_pairs()))


def test_nothing_asked(model):
    assert model([]).shape == (0, 3)


def test_long_pairs_are_cut_counted_and_said(folder):
    short = load_nli(str(folder), device="cpu", max_length=12, check=False)
    long = ("The fox is red . " * 6, "Tea is hot .")
    # 12 tokens: [CLS], two [SEP], the 4 of the shorter text, and so the first 5 of the longer.
    with pytest.warns(UserWarning, match="1 of 2 pairs are longer than 12 tokens and were cut"):
        p = short([long, ("Tea is hot.", "Rome is old.")])
    assert short.truncated == 1
    np.testing.assert_allclose(p[:1], short([("The fox is red .", "Tea is hot .")]), atol=1e-5)
    assert short.truncated == 1


@pytest.mark.parametrize("length", [7, 65])
def test_a_length_the_model_does_not_read(folder, length):
    with pytest.raises(BadInput, match=f"max_length must lie between 8 and the 64 tokens .* got {length}"):
        load_nli(str(folder), device="cpu", max_length=length)


def test_half_precision_is_near_and_has_a_name_of_its_own(model, folder):
    half = load_nli(str(folder), device="cpu", dtype="bfloat16")
    pairs = list(training_pairs())
    assert np.abs(half(pairs) - model(pairs)).max() < 0.1  # 8 bits of mantissa, two layers
    assert not np.array_equal(half(pairs), model(pairs))
    assert half.name != model.name


def test_a_batch_that_does_not_fit_is_halved_and_nothing_lost(model):
    sizes = []

    def limited(most):
        def forward(**batch):
            sizes.append(len(batch["input_ids"]))
            if sizes[-1] > most:
                raise torch.cuda.OutOfMemoryError("too much")
            return model._network(**batch)

        return forward

    tight = with_forward(model, limited(3), padded_tokens=512, workers=1)
    pairs = list(training_pairs())
    np.testing.assert_allclose(tight(pairs), model(pairs), atol=1e-5)
    assert max(sizes) > 3
    with pytest.raises(BadInput, match=r"one pair of .* tokens does not fit the GPU"):
        with_forward(model, limited(0), padded_tokens=512, workers=1)(pairs)


@pytest.mark.parametrize("tokens", [0, -5, 2.5, True])
def test_a_batch_size_that_is_none(folder, tokens):
    with pytest.raises(BadInput, match="padded_tokens must be a whole number of at least 1"):
        load_nli(str(folder), device="cpu", padded_tokens=tokens)
    with pytest.raises(BadInput, match="max_length must lie between 8 and the 64"):
        load_nli(str(folder), device="cpu", max_length=8.5)


def test_the_same_call_returns_the_same_object(folder):
    model = load_nli(str(folder), device="cpu")
    assert load_nli(str(folder), device="cpu") is model
    assert load_nli(str(folder), device="cpu", dtype="bfloat16") is not model


def test_labels_read_in_a_wrong_order_fail_the_self_check(folder, tmp_path):
    wrong = changed(folder, tmp_path, id2label={"0": ENTAILS, "1": NEUTRAL, "2": CONTRADICTS})
    with pytest.raises(
        BadInput, match=r"fails its self-check: 'Paris is the capital of France.' does not entail itself"
    ):
        load_nli(wrong, device="cpu")
    assert isinstance(load_nli(wrong, device="cpu", check=False), CrossEncoder)


@pytest.mark.parametrize(
    "labels",
    [{"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}, {"0": ENTAILS, "1": ENTAILS, "2": NEUTRAL}],
)
def test_labels_without_names(folder, tmp_path, labels):
    with pytest.raises(BadInput, match="does not name entailment, neutral and contradiction"):
        load_nli(changed(folder, tmp_path, id2label=labels), device="cpu")


def test_upper_case_labels_are_read(folder, tmp_path):
    loud = changed(folder, tmp_path, id2label={str(i): label.upper() for i, label in LABELS.items()})
    assert load_nli(loud, device="cpu")([("Rome is old.", "Rome is old.")]).argmax() == 0


def test_a_doubled_separator_fails_the_self_check(folder, tmp_path):
    copy = changed(folder, tmp_path)
    texts = [text for pair in training_pairs() for text in pair]
    pair_tokenizer(texts, "[CLS] $A [SEP] [SEP] $B:1 [SEP]:1").save_pretrained(copy)
    with pytest.raises(BadInput, match=r"writes a pair as \[CLS\] The .* \[SEP\] \[SEP\] .* instead of"):
        load_nli(copy, device="cpu")


def test_names_that_lead_nowhere(tmp_path):
    with pytest.raises(BadInput, match="unknown NLI model 'deberta-v3-smal'; did you mean"):
        load_nli("deberta-v3-smal", device="cpu")
    with pytest.raises(BadInput, match="unknown dtype 'float16'"):
        load_nli("deberta-v3-base", device="cpu", dtype="float16")
    for name, hub in NLI_MODELS.items():
        with pytest.raises(Unavailable, match=f"{hub} is not in the hub's cache"):
            load_nli(name, device="cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="could not be loaded"):
        load_nli(str(tmp_path / "empty"), device="cpu")


def test_from_weights_to_labels(folder, tmp_path):
    answers = ["Rome is old.", "Tea is hot.", "Rome is old.", ""]
    judge = load_nli(str(folder))
    nli = NLI(judge, cache=tmp_path / "pairs")
    assert hg.clustering.cluster_nli([answers], nli)[0].tolist() == [0, 1, 0, -1]
    assert nli.forward_passes == 1
    S = hg.similarity.entailment([answers], judge)[0]
    assert S[0, 2] == 1
    assert S[0, 1] < 0.5
    again = NLI(judge, cache=tmp_path / "pairs")
    hg.clustering.cluster_nli([answers], again)
    assert again.forward_passes == 0
