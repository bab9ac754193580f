"""A cross-encoder that costs what a real one costs and judges by a rule.

No NLI weights can be had offline. This one has the shape of DeBERTa-v3-xsmall (12 layers, 384 wide, 22 million
parameters without the vocabulary) and random weights, and runs its whole forward pass; the verdict is then written over
by a rule on the token ids, so that answers fall into clusters as they would, and fall alike in every library.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import torch
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, PreTrainedTokenizerFast

LABELS = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}  # microsoft/deberta-large-mnli's, which the peers assume


class RuleNLI(DebertaV2ForSequenceClassification):
    """Entails what shares half of its bigrams, contradicts what shares none."""

    def forward(self, input_ids=None, **inputs):
        """Run the network for its cost, then judge."""
        output = super().forward(input_ids=input_ids, **inputs)
        output.logits = torch.tensor([self._verdict(row) for row in input_ids.tolist()], dtype=output.logits.dtype)
        return output

    def _verdict(self, row: list[int]) -> list[float]:
        ends = [i for i, token in enumerate(row) if token == self.config.sep_token_id]
        a, b = row[1 : ends[0]], row[ends[0] + 1 : ends[1]]
        have, wanted = set(itertools.pairwise(a)), set(itertools.pairwise(b))
        share = len(have & wanted) / max(len(wanted), 1)
        return [0.0, 0.0, 4.0] if share >= 0.5 else [0.0, 4.0, 0.0] if share > 0 else [4.0, 0.0, 0.0]


def make(texts: list[str], layers: int = 12) -> tuple[RuleNLI, PreTrainedTokenizerFast]:
    """Network and tokenizer, one token a word."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    words = sorted({word for text in texts for word in text.split()})
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*special, *words])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    names = dict(zip(("pad_token", "cls_token", "sep_token", "unk_token"), special, strict=True))
    torch.manual_seed(0)
    config = DebertaV2Config(
        vocab_size=len(special) + len(words),
        hidden_size=384,
        intermediate_size=1536,
        num_hidden_layers=layers,
        num_attention_heads=6,
        max_position_embeddings=512,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        id2label=LABELS,
        label2id={label: i for i, label in LABELS.items()},
        sep_token_id=special.index("[SEP]"),
    )
    return RuleNLI(config).eval(), PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **names)


def answers(questions: int, n: int = 10, repeats: float = 0.3, seed: int = 0) -> list[list[str]]:
    """Made answers: one to five wordings a question, the rest variations on them; a share is repeated word for word."""
    import numpy as np

    rng = np.random.default_rng(seed)
    words = np.array([f"word{i}" for i in range(400)])
    benchmark = []
    for _ in range(questions):
        stems = [rng.choice(words, rng.integers(8, 36)) for _ in range(rng.integers(1, 6))]
        row = []
        for _ in range(n):
            text = stems[rng.integers(len(stems))].copy()
            if rng.random() >= repeats:
                changed = rng.random(len(text)) < 0.15
                text[changed] = rng.choice(words, changed.sum())
            row.append(" ".join(text))
        benchmark.append(row)
    return benchmark


def folder(path: Path, texts: list[str], layers: int = 12) -> Path:
    """Write network and tokenizer to disk, for libraries that load by path."""
    network, tokenizer = make(texts, layers)
    network.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path
