"""The loops that the benchmark measures against say what the package says; how fast is for ``make bench`` to tell."""

import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import WORDS, make_model, word_tokenizer

import homogen as hg
from homogen.models.cross_encoder import CrossEncoder
from homogen.nli.asking import NLI
from homogen.questions.catalogue import BENCHMARKS, Benchmark
from homogen.records import BadInput

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

bench = pytest.importorskip("bench")
gpu = pytest.importorskip("gpu")
nli_model = pytest.importorskip("nli_model")


def test_the_plain_loops_give_the_same_entropies():
    benchmark = nli_model.answers(12)
    labels = hg.clustering.cluster(hg.similarity.jaccard(benchmark), threshold=0.4)
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
    labels = hg.clustering.cluster_nli(benchmark, nli)
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


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_is_asked_as_many_questions_as_wanted(there, monkeypatch):
    monkeypatch.setattr(Benchmark, "available", lambda self: there and self.name == "pocket")
    monkeypatch.setitem(BENCHMARKS, "truthfulqa", BENCHMARKS["pocket"])
    asked = gpu.questions(160 if not there else 5)
    assert len({q.id for q in asked}) == len(asked) == (160 if not there else 5)
    assert {q.benchmark for q in asked} == {"pocket"}


def test_the_gpu_bench_draws_and_says_nothing_of_a_gpu_that_is_not_there(tmp_path, monkeypatch, capsys):
    make_model(tmp_path / "tiny", word_tokenizer(WORDS), "llama", 0)
    spec = hg.SamplingSpec(model=str(tmp_path / "tiny"), n=2, max_new_tokens=3, seed=1)
    loading, seconds, tokens = gpu.draw("transformers", spec, gpu.questions(5), "cpu")
    assert loading > 0
    assert seconds > 0
    assert 15 <= tokens <= 45  # three answers to each question, of one to three tokens
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--questions", "1", "--model", spec.model])
    gpu.main()
    met = [line.rsplit(maxsplit=1)[-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert met == ["—", "—"]
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "tpu"])
    with pytest.raises(BadInput, match="unknown device 'tpu'"):
        gpu.main()
