"""Weights at fewer bits: bitsandbytes' levels on a GPU, and rounding as GGUF files of a level do."""

from __future__ import annotations

from typing import Any

from homogen.records import BadInput


def _bitsandbytes(level: str):
    import torch
    from transformers import BitsAndBytesConfig

    if level == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _round_weights(network: Any, level: str) -> None:
    """Round the weights of all linear layers but the last to what a GGUF file of that level can hold."""
    import gguf
    import torch

    kind = gguf.GGMLQuantizationType[level.upper()]
    block = gguf.GGML_QUANT_SIZES[kind][0]
    last, rounded_any = network.get_output_embeddings(), False
    for layer in network.modules():
        # As in llama.cpp's files, what does not divide into blocks stays as it is, and so does the table of tokens.
        if isinstance(layer, torch.nn.Linear) and layer is not last and layer.weight.shape[1] % block == 0:
            exact = layer.weight.detach().float().cpu().numpy()
            rounded = gguf.quants.dequantize(gguf.quants.quantize(exact, kind), kind)
            layer.weight.data.copy_(torch.from_numpy(rounded))
            rounded_any = True
    if not rounded_any:
        raise BadInput(f"level {level} rounds linear layers, and {type(network).__name__} has none that it could round")
