"""What several test files share: tiny models made here, loaded the way a user's own folder is loaded.

Two architectures (Llama, and Gemma 3 with a sliding window shorter than the sequences), two tokenizers (whole words,
single bytes). The weights come from numpy's generator, which gives the same numbers on every machine, and are wide
enough that the next-token distributions are far from uniform.
"""

import json
import os
import signal

# Set before anything imports the hub's client: no test reaches the network, and no bar is drawn.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"

import numpy as np
import pytest

from homogen.records import BadInput, Question

# Where a script runs the tests in its background they would be deaf to Ctrl-C, which some of them send themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)

WORDS = [f"w{i:03d}" for i in range(220)]
END, PAD = "<end>", "<pad>"
CHAT_TEMPLATE = (
    "{% for m in messages %}w001 {{ m['content'] }} w002{% endfor %}{% if add_generation_prompt %} w003{% endif %}"
)
SLIDING_WINDOW = 8


def word_tokenizer(words, chat_template=None):
    """One token a word and no padding token: a text says exactly which tokens were drawn."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate([END, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Sequence([decoders.Replace("w", " w"), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
    fast.chat_template = chat_template
    return fast


def byte_tokenizer():
    """One token a byte: a letter with an accent takes two tokens, and the stop string takes three."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate([PAD, END, "<note>", *alphabet])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, additional_special_tokens=["<note>"]
    )


def make_model(folder, tokenizer, architecture="llama", seed=0, scale=0.5, ends=(END,)):
    """Write a two-layer model with random weights and its tokenizer into a folder; give its path."""
    import torch
    import transformers

    common = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids(list(ends)),
        "tie_word_embeddings": False,
    }
    families = {"llama": "Llama", "qwen3": "Qwen3", "mistral": "Mistral", "olmo2": "Olmo2"}
    if architecture in families:
        family = families[architecture]
        config = getattr(transformers, f"{family}Config")(**common)
        network = getattr(transformers, f"{family}ForCausalLM")(config)
    else:
        layers = ["sliding_attention", "full_attention"]
        config = transformers.Gemma3TextConfig(
            **common, sliding_window=SLIDING_WINDOW, layer_types=layers, query_pre_attn_scalar=8
        )
        network = transformers.Gemma3ForCausalLM(config)
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for _, weight in sorted(network.named_parameters()):
            if weight.dim() > 1:
                weight.copy_(torch.from_numpy(random.standard_normal(tuple(weight.shape)) * scale))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory):
    """Folders of the tiny models: Llama with a chat template, Gemma without one; some words also end an answer."""
    home = tmp_path_factory.mktemp("models")
    ends = (END, *WORDS[-8:])
    return {
        "llama": make_model(home / "llama", word_tokenizer(WORDS, CHAT_TEMPLATE), "llama", seed=1, ends=ends),
        "gemma": make_model(home / "gemma", word_tokenizer(WORDS), "gemma", seed=2, ends=ends),
        "bytes": make_model(home / "bytes", byte_tokenizer(), "llama", seed=3),
        "dice": make_model(home / "dice", word_tokenizer(WORDS[:14]), "llama", seed=4, scale=0.2),
    }


@pytest.fixture(scope="session")
def tiny_models(model_folders):
    """The tiny models, loaded."""
    from homogen.models.load import load_model

    return {name: load_model(folder, device="cpu") for name, folder in model_folders.items()}


@pytest.fixture(params=["llama", "gemma"])
def tiny(request, tiny_models):
    """Each of the two architectures that answer in words."""
    return tiny_models[request.param]


def ask(count, benchmark="mine", start=0):
    """Questions of words that the tiny models know, of very different lengths."""
    random = np.random.default_rng(7)
    lengths = [1 + (5 * i) % 19 for i in range(start + count)]
    texts = [" ".join(random.choice(WORDS[:-8], size)) for size in lengths]
    return [Question(f"q{i:03d}", benchmark, text, references=("w000",)) for i, text in enumerate(texts) if i >= start]


class CountingEngine:
    """Passes everything to an engine and notes which questions it was asked."""

    def __init__(self, engine, batch_rows=None):
        self.engine = engine
        self.identity = engine.identity
        self.batch_rows = batch_rows or engine.batch_rows
        self.batches = []

    @property
    def asked(self):
        return sorted(question for batch in self.batches for question in batch)

    def generate(self, prompts, spec):
        self.batches.append([question for question, *_ in prompts])
        yield from self.engine.generate(prompts, spec)


def wheel_installed(name):
    """Whether the weights of a model card are installed."""
    from homogen.models.catalogue import CARDS
    from homogen.records import BadInput

    try:
        for file in CARDS[name].files:
            file.locate()
    except BadInput:
        return False
    return True


def read_json(path):
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def complaint(call, *given):
    """What a call says of bad input; empty if it takes it."""
    try:
        call(*given)
    except BadInput as error:
        return str(error)
    return ""


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A tiny model to train, which can end an answer."""
    return make_model(tmp_path_factory.mktemp("base") / "tiny", word_tokenizer(WORDS), "llama", seed=5, ends=(END,))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, so that what it trains is there for no other."""
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
