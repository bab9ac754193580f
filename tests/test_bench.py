"""The loops that the benchmark measures against say what the package says; how fast is for ``make bench`` to tell."""

import sys
from pathlib import Path

import numpy as np
import pytest

import homogen as hg
from homogen.engines.cross_encoder import CrossEncoder
from homogen.nli import NLI

sys.path.insert(0, str(Path(__file__).parent / "bench"))

bench = pytest.importorskip("bench")
nli_model = pytest.importorskip("nli_model")


def test_the_plain_loops_give_the_same_entropies():
    benchmark = nli_model.answers(12)
    labels = hg.clustering.cluster_batch(hg.similarity.jaccard_batch(benchmark), threshold=0.4)
    ours = hg.uncertainty.semantic_entropy(labels)
    np.testing.assert_allclose(bench.plain_jaccard(benchmark), ours, atol=1e-12)
    np.testing.assert_allclose(bench.thrifty_jaccard(benchmark), ours, atol=1e-12)
    assert 0 < ours.mean() < np.log(10)


def test_the_rule_model_judges_and_every_ordered_pair_clusters_alike():
    benchmark = nli_model.answers(3)
    network, tokenizer = nli_model.make([text for row in benchmark for text in row], layers=1)
    model = CrossEncoder(network, tokenizer, name="one layer")
    p = model([("a b c d", "a b c d"), (benchmark[0][0], benchmark[0][0]), (benchmark[0][0], benchmark[1][0])])
    assert p.argmax(axis=1).tolist() == [0, 0, 2]
    nli = NLI(model)
    expected, pairs = bench.every_ordered_pair(benchmark, model)
    labels = hg.clustering.cluster_nli_batch(benchmark, nli)
    for ours, theirs in zip(labels, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert nli.forward_passes < pairs / 2
    assert max(map(max, labels)) > 0


def test_made_answers_repeat_as_often_as_asked():
    share = {
        repeats: np.mean([len(set(row)) for row in nli_model.answers(60, repeats=repeats)]) for repeats in (0.1, 0.9)
    }
    assert share[0.9] < share[0.1] - 3
    assert nli_model.answers(5, seed=1) != nli_model.answers(5, seed=2)
    assert [len(row) for row in nli_model.answers(3, n=4)] == [4, 4, 4]
