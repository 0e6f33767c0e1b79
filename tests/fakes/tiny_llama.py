"""A real language model, small and with random weights."""

import torch

from vivace.models.chattts.checkpoint.config import GPTConfig
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama, TextMode

TINY = GPTConfig(
    hidden_size=32,
    intermediate_size=48,
    num_attention_heads=2,
    num_hidden_layers=2,
    max_position_embeddings=512,
    num_audio_tokens=50,
    num_text_tokens=40,
    num_vq=4,
)


def tiny_modes(seed: int = 0) -> tuple[CodeMode, TextMode, Embeddings]:
    """Both modes of one small language model, fused as a loaded one is."""
    torch.manual_seed(seed)
    llama, embeddings = Llama(TINY), Embeddings(TINY)
    for module in (llama, embeddings):
        module.eval().requires_grad_(False)
    for head in (*embeddings.head_code, embeddings.head_text):
        assert isinstance(head, torch.nn.Linear), "heads are plain products"
        head.weight.mul_(8)  # sharp enough that rounding cannot hide
    llama.fuse()
    embeddings.fuse()
    return CodeMode(llama, embeddings, TINY), TextMode(llama, embeddings, TINY, end_id=3), embeddings
