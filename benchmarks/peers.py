"""NLI clustering beside lm-polygraph's and uqlm's own code: same answers, same network, one run.

``make bench-peers`` runs it in an environment of its own, because uqlm wants older numpy and transformers than the book
does. Only the modules that cluster are imported: the libraries' front doors pull in servers, plots and datasets that
have no part in this. The network is the rule of nli_model.py, in the place where each library keeps its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import types
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch
from nli_model import answers, make


def shallow(*names: str) -> None:
    """Make packages importable without running what stands in their ``__init__``."""
    for name in names:
        package = types.ModuleType(name)
        home = next(path for path in map(Path, sys.path) if (path / name.split(".")[0]).is_dir())
        package.__path__ = [str(home.joinpath(*name.split(".")))]
        sys.modules[name] = package


shallow("uqlm", "uqlm.utils", "lm_polygraph", "lm_polygraph.utils", "lm_polygraph.stat_calculators")
_names_only = types.ModuleType("lm_polygraph.utils.model")
_names_only.Model = _names_only.WhiteboxModel = object  # stand in annotations alone
sys.modules[_names_only.__name__] = _names_only

from lm_polygraph.stat_calculators.semantic_classes import SemanticClassesCalculator  # noqa: E402
from lm_polygraph.stat_calculators.semantic_matrix import SemanticMatrixCalculator  # noqa: E402
from uqlm.nli.cluster import SemanticClusterer  # noqa: E402
from uqlm.nli.nli import NLI as UqlmNLI  # noqa: E402

from homogen.clustering import membership_nli  # noqa: E402
from homogen.models.cross_encoder import CrossEncoder  # noqa: E402
from homogen.nli.asking import NLI  # noqa: E402


class Counted:
    """A network that counts the rows that go through it."""

    def __init__(self, network: torch.nn.Module):
        self.network, self.rows = network, 0
        self.config, self.device = network.config, network.device

    def __call__(self, **batch: torch.Tensor):
        """Pass on."""
        self.rows += len(batch["input_ids"])
        return self.network(**batch)


def polygraph(benchmark: list[list[str]], network: torch.nn.Module, tokenizer: object) -> list[np.ndarray]:
    """lm-polygraph: the full table of distinct answers, then its semantic classes; who sits in which."""
    nli = types.SimpleNamespace(deberta=network, deberta_tokenizer=tokenizer, batch_size=10, device=torch.device("cpu"))
    given = {"sample_texts": benchmark}
    given |= SemanticMatrixCalculator(nli)(given, [], None)
    classes = SemanticClassesCalculator()(given, [], None)["semantic_classes_entail"]["sample_to_class"]
    found = []
    for q in range(len(benchmark)):
        label = np.array([classes[q][i] for i in range(len(benchmark[q]))])
        found.append(label[:, None] == np.arange(label.max() + 1))
    return found


def uqlm(benchmark: list[list[str]], network: torch.nn.Module, tokenizer: object) -> list[np.ndarray]:
    """uqlm: its clusterer, with one cache for all questions; who sits in which cluster."""
    nli = UqlmNLI.__new__(UqlmNLI)
    nli.model, nli.tokenizer, nli.device = network, tokenizer, torch.device("cpu")
    nli.verbose, nli.max_length, nli.batch_size, nli.max_tokens = False, 2000, 32, 512
    nli.label_mapping, nli.probabilities = ["contradiction", "neutral", "entailment"], {}
    clusterer = SemanticClusterer(nli)
    found = []
    for row in benchmark:
        clusters = clusterer.evaluate(row, response_probabilities=[1 / len(row)] * len(row))[3]
        found.append(np.array([[i in members for members in clusters] for i in range(len(row))]))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20, help="ten answers each")
    benchmark = answers(parser.parse_args().questions)
    network, tokenizer = make([text for row in benchmark for text in row])

    def ours(rule: str) -> tuple[float, int, list[np.ndarray]]:
        nli = NLI(CrossEncoder(network, tokenizer, name="xsmall-shaped"))
        start = time.perf_counter()
        labels = membership_nli(benchmark, nli, rule=rule)
        return time.perf_counter() - start, nli.forward_passes, labels

    def theirs(library: object) -> tuple[float, int, list]:
        counted = Counted(network)
        start = time.perf_counter()
        labels = library(benchmark, counted, tokenizer)
        return time.perf_counter() - start, counted.rows, labels

    ours("strict")  # warm
    print(f"{'library, rule':<26} {'pairs':>7} {'ours':>7} {'fewer':>7} {'faster':>7}   labels")
    for name, rule, library, wanted in (
        ("lm-polygraph, strict", "strict", polygraph, "3x fewer and faster"),
        ("uqlm, either", "either", uqlm, "1.5x faster"),
    ):
        seconds, pairs, labels = theirs(library)
        own_seconds, own_pairs, own = ours(rule)
        same = all(np.array_equal(a, b) for a, b in zip(own, labels, strict=True))
        fewer, faster = pairs / own_pairs, seconds / own_seconds
        print(
            f"{name:<26} {pairs:>7} {own_pairs:>7} {fewer:>6.1f}x {faster:>6.2f}x   "
            f"{'same' if same else 'OTHER'}; must reach: {wanted}",
            flush=True,
        )


if __name__ == "__main__":
    main()
