"""What the paper rests on that was not released, and which rows of the ledger hang on it."""

from __future__ import annotations

import dataclasses

from homogen.paper.claims import Claim


@dataclasses.dataclass(frozen=True)
class Artifact:
    """Something that would decide a claim and is not among the released files.

    Parameters
    ----------
    name
        Short name.
    what
        What it is.
    settle
        What would settle the claims that hang on it.
    """

    name: str
    what: str
    settle: str


_RELEASE = "the authors' release of the file"
_SAMPLE = "a new run of the same model and protocol, which the sampling chapters make"

ARTIFACTS = {
    a.name: a
    for a in (
        Artifact("run logs", "run times and logs of the authors' machine", "timings on a stated machine"),
        Artifact(
            "rule", "data behind a rule of thumb or a term's definition in the text", "a study of the rule itself"
        ),
        Artifact("embedder tag", "the exact embedding model (its size and revision)", "the model's tag"),
        Artifact("fold assignment", "folds and seeds of the cross-validation", "the seed and the script's folds"),
        Artifact("TOST margin", "the equivalence margin and the paired scores that were tested", "margin and scores"),
        Artifact("cluster counts", "cluster counts by question, with their spread", _SAMPLE),
        Artifact("HSIC kernel", "kernel and width of the HSIC test", "the script's settings"),
        Artifact("section 7 labels", "the labels behind the figures of section 7", _RELEASE),
        Artifact("8-bit run", "answers and entropies of the 8-bit model", _RELEASE),
        Artifact(
            "FreshQA answers", "answers, entropies and labels on FreshQA", _RELEASE + "; the questions change by design"
        ),
        Artifact(
            "judge labels",
            "the LLM judge's labels of the 790 answers",
            _RELEASE + ", or a new judging of the released answers",
        ),
        Artifact(
            "B5 scores",
            "the NLI scores of answers against references",
            "NLI on the released answers and public references",
        ),
        Artifact("router features", "the router's feature table, folds and labels", _RELEASE),
        Artifact("GSM8K answers", "answers, entropies and lengths on GSM8K", _RELEASE + ", or a new greedy run"),
        Artifact("samples of Qwen3-14B", "ten answers a question of Qwen3-14B", _SAMPLE),
        Artifact("NLI clusters", "ten answers a question and their NLI clusters", _SAMPLE + ", with the NLI models"),
        Artifact("P(True) answers", "the model's own verdicts on its answers", _SAMPLE),
        Artifact("length-control labels", "which labels and answers the length control used", _RELEASE),
        Artifact("samples of base and instruct", "ten answers a question of Qwen3-14B and Qwen3-14B-Base", _SAMPLE),
        Artifact("samples by family", "ten answers a question of each family", _SAMPLE),
        Artifact("samples by decoding", "ten answers a question under each setting", _SAMPLE),
        Artifact("samples by stage", "ten answers a question of each checkpoint of the chain", _SAMPLE),
        Artifact("samples by length", "ten answers a question at each length limit", _SAMPLE),
        Artifact("quantized samples", "ten answers a question of the two quantized models", _SAMPLE),
        Artifact("samples of Mistral", "ten answers a question of Mistral-7B-Instruct", _SAMPLE),
        Artifact("WebQuestions samples", "ten answers a question on WebQuestions", _SAMPLE),
        Artifact("head-to-head result", "the result file that the script names", _RELEASE),
        Artifact("NLI-SE result", "scores of the cross-encoder semantic entropy", _RELEASE),
        Artifact("stage entropies", "token entropies of the base and the DPO checkpoint", _SAMPLE),
    )
}
"""Every artifact that is missing, by name."""

# By experiment, and by claim where an experiment hangs on more than one thing.
_BY_EXPERIMENT = {
    "5": "FreshQA answers",
    "7": "B5 scores",
    "8": "router features",
    "11": "GSM8K answers",
    "12": "judge labels",
    "13": "samples of base and instruct",
    "14": "samples by family",
    "15": "samples by decoding",
    "16": "samples by stage",
    "17": "samples by length",
    "18": "samples by stage",
    "19": "quantized samples",
    "20": "samples of Mistral",
    "21": "samples of Mistral",
    "22": "WebQuestions samples",
    "23": "NLI-SE result",
    "24": "stage entropies",
    "25": "judge labels",
}
_BY_RANGE = (
    (7, 7, "run logs"),
    (9, 9, "cluster counts"),
    (10, 12, "samples of Qwen3-14B"),
    (18, 18, "rule"),
    (21, 23, "run logs"),
    (27, 27, "embedder tag"),
    (40, 40, "HSIC kernel"),
    (48, 49, "TOST margin"),
    (56, 56, "fold assignment"),
    (57, 57, "GSM8K answers"),
    (74, 74, "8-bit run"),
    (86, 87, "judge labels"),
    (90, 90, "judge labels"),
    (92, 92, "judge labels"),
    (120, 120, "HSIC kernel"),
    (123, 123, "HSIC kernel"),
    (134, 134, "P(True) answers"),
    (144, 144, "judge labels"),
    (145, 167, "samples of Qwen3-14B"),
    (173, 175, "samples of Qwen3-14B"),
    (199, 204, "NLI clusters"),
    (214, 214, "run logs"),
    (220, 222, "length-control labels"),
    (233, 234, "P(True) answers"),
    (329, 330, "section 7 labels"),
    (335, 335, "section 7 labels"),
    (320, 320, "head-to-head result"),
)


def missing_for(claim: Claim) -> Artifact | None:
    """The artifact that a claim hangs on and that was not released; None if none is known.

    Examples
    --------
    >>> from homogen.book.findings import claims
    >>> missing_for(claims()["C007"]).name
    'run logs'
    """
    number = int(claim.claim_id[1:])
    for first, last, name in _BY_RANGE:
        if first <= number <= last:
            return ARTIFACTS[name]
    name = _BY_EXPERIMENT.get(claim.experiment)
    return ARTIFACTS[name] if name else None
