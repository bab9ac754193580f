"""One step: the noise of a row, truncation and penalty beside plain Python, and entropies that are right to float32."""

import doctest
import math

import numpy as np
import pytest
import torch
from scipy import stats

from homogen.engines import steps as room
from homogen.engines.endings import Prompt
from homogen.engines.steps import Row, distribution, penalize, truncate
from homogen.records import SamplingSpec


def stream(question, sample, seed, device="cpu"):
    """The random numbers of one sample."""
    return Row(Prompt(question, ""), sample, SamplingSpec(model="tiny", prompt="{question}", seed=seed), device)


def test_race_noise_has_no_zeros_which_float32_generators_draw_twice_in_ten_million():
    """A zero wins every race: with 50,000 tokens one draw in a hundred would go to a random word.

    float32 uniforms are multiples of 2**-24, so their exponentials have zeros and are coarse near zero. Here the
    smallest of 2**26 draws must be as many as a continuous distribution gives, all different and none zero.
    """
    row = stream("question", 0, 0)
    out, small = torch.empty(2**22), []
    for _ in range(16):
        row.race(out)
        small.append(out[out < 1e-6].clone())
    small = torch.cat(small).double().numpy()
    assert small.min() > 0
    assert len(np.unique(small)) == len(small)
    low, high = stats.binom.interval(1 - 1e-6, 2**26, -np.expm1(-1e-6))
    assert low <= len(small) <= high
    assert stats.kstest(small, "uniform", args=(0, 1e-6)).pvalue > 1e-4
    assert stats.kstest(out[: 2**16].double().numpy(), "expon").pvalue > 1e-4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_race_noise_of_a_gpu_has_no_zeros_either():
    out = torch.empty(2**26, device="cuda")
    stream("q", 0, 0, "cuda").race(out)
    assert out.min() > 0


def test_streams_of_different_samples_differ_and_of_the_same_sample_agree():
    def noise(*identity):
        out = torch.empty(64)
        stream(*identity).race(out)
        return tuple(out.tolist())

    identities = [("q1", 0, 0), ("q1", 1, 0), ("q1", 0, 1), ("q2", 0, 0), ("q", 10, 0), ("q1", 11, 0), ("0|q1", 0, 0)]
    assert len({noise(*identity) for identity in identities}) == len(identities)
    assert noise("q1", 3, 5) == noise("q1", 3, 5)


def reference_truncate(probs, top_k, top_p):
    """Top-k, then nucleus, one row in plain Python; ties with the last token kept are kept."""
    probs = list(probs)
    if 0 < top_k < len(probs):
        floor = sorted(probs, reverse=True)[top_k - 1]
        probs = [p if p >= floor else 0.0 for p in probs]
    if top_p < 1:
        probs = [p / sum(probs) for p in probs]
        reached, floor = 0.0, 0.0
        for p in sorted(probs, reverse=True):
            if reached >= top_p:
                break
            reached, floor = reached + p, p
        probs = [p if p >= floor else 0.0 for p in probs]
    return probs


@pytest.mark.parametrize("top_k", [0, 1, 3, 40, 1000])
@pytest.mark.parametrize("top_p", [1e-9, 0.3, 0.7, 0.999, 1.0])
def test_truncate_equals_plain_python(top_k, top_p):
    random = np.random.default_rng(0)
    rows = torch.tensor(random.dirichlet(np.full(60, 0.2), size=20))
    for row, found in zip(rows, truncate(rows, top_k, top_p), strict=True):
        expected = reference_truncate(row.tolist(), top_k, top_p)
        assert [p > 0 for p in found.tolist()] == [p > 0 for p in expected]
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_truncate_keeps_ties_with_the_last_one_kept():
    row = torch.tensor([[0.1, 0.3, 0.1, 0.3, 0.1, 0.1]])
    assert (truncate(row, top_k=1, top_p=1.0) > 0).tolist() == [[False, True, False, True, False, False]]
    assert (truncate(row, top_k=3, top_p=1.0) > 0).all()
    assert (truncate(row, top_k=0, top_p=0.5) > 0).tolist() == [[False, True, False, True, False, False]]
    assert (truncate(row, top_k=0, top_p=0.65) > 0).all()
    uniform = torch.full((1, 64), 1 / 64)
    assert (truncate(uniform, top_k=1, top_p=0.01) > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [1, 4, 1024])
def test_a_nucleus_that_reaches_top_p_to_rounding_is_enough(monkeypatch, dtype, width):
    monkeypatch.setattr(room, "NUCLEUS_WIDTH", width)
    random = np.random.default_rng(0)
    row = torch.tensor([0.40, 0.25, 0.15, 0.10, 0.06, 0.03, 0.01], dtype=dtype)
    for top_p, count in ((0.4, 1), (0.65, 2), (0.8, 3), (0.9, 4), (0.96, 5), (0.99, 6), (0.90001, 5), (0.89999, 4)):
        for order in (torch.arange(7), *(torch.tensor(random.permutation(7)) for _ in range(5))):
            assert (truncate(row[order][None], 0, top_p) > 0).tolist() == [(order < count).tolist()], top_p


def test_truncate_looks_beyond_its_first_width_where_the_nucleus_is_wider(monkeypatch):
    random = np.random.default_rng(1)
    rows = torch.tensor(np.stack([random.dirichlet(np.full(500, a)) for a in (0.01, 0.1, 1.0, 100.0)]))
    expected = [reference_truncate(row.tolist(), 0, 0.9) for row in rows]
    for width in (1, 20, 499, 500, 1024):
        monkeypatch.setattr(room, "NUCLEUS_WIDTH", width)
        np.testing.assert_allclose(truncate(rows, 0, 0.9), expected, rtol=1e-9)


def test_truncate_keeps_at_least_the_likeliest_token_and_everything_where_nothing_is_asked():
    random = np.random.default_rng(2)
    rows = torch.tensor(random.dirichlet(np.ones(30), size=50), dtype=torch.float32)
    assert torch.equal(truncate(rows, 0, 1.0), rows)
    assert torch.equal(truncate(rows, 30, 1.0), rows)
    for kept in (truncate(rows, 1, 1.0), truncate(rows, 0, 1e-30), truncate(rows, 1, 0.5)):
        assert ((kept > 0).sum(-1) == 1).all()
        assert torch.equal(kept.argmax(-1), rows.argmax(-1))


def test_penalize_equals_transformers():
    from transformers import RepetitionPenaltyLogitsProcessor

    random = np.random.default_rng(3)
    logits = torch.tensor(random.standard_normal((6, 50)) * 4, dtype=torch.float32)
    ids = torch.tensor(random.integers(0, 50, (6, 20)))
    seen = torch.zeros(6, 50, dtype=torch.bool).scatter_(1, ids, True)
    for penalty in (0.5, 1.0, 1.3):
        expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
        assert torch.equal(penalize(logits, seen, penalty), expected)


def test_doctests():
    found = doctest.testmod(room)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("peaked", [0.5, 1.0, 4.0, 12.0])
@pytest.mark.parametrize("shift", [0.0, -30.0, 25.0])
def test_entropy_over_50_000_tokens_is_that_of_float64(peaked, shift):
    """logsumexp minus the mean logit is off by up to 5e-3 nats here."""
    logits = torch.randn(16, 50_000, generator=torch.Generator().manual_seed(0)) * peaked + shift
    exact = torch.special.entr(logits.double().softmax(-1)).sum(-1)
    probs, found = distribution(logits)
    assert probs.dtype == torch.float32
    assert (found.double() - exact).abs().max() < 5e-6
    alone = torch.cat([distribution(logits[i : i + 1])[1] for i in range(16)])
    assert (alone - found).abs().max() < 5e-6


def test_impossible_tokens_have_no_entropy():
    logits = torch.tensor([[0.0, 0.0, float("-inf"), float("-inf")], [5.0, *[float("-inf")] * 3]])
    probs, found = distribution(logits)
    assert torch.isfinite(found).all()
    assert found.tolist() == pytest.approx([math.log(2), 0.0], abs=1e-7)
    assert probs[1].tolist() == [1, 0, 0, 0]
