"""What the engine is held against: a plain transformers Llama of the same shape, one stream, float32."""

# P prompt positions, D width, Q codebooks, V vocabulary

import statistics
import time

import torch
from torch import Tensor, nn

from vivace.errors import SettingsError
from vivace.models.chattts.checkpoint.config import GPTConfig

WARM_UP = 4  # steps that are not counted
TEMPERATURE, TOP_K = 0.3, 20


def transformers_step_seconds(config: GPTConfig, *, prompt: int, steps: int, device: torch.device | str) -> float:
    """Median seconds of a decode step: embed the last frame, the Llama with its dynamic cache, heads, sampling.

    Raises: SettingsError when transformers is not installed.
    """
    try:
        from transformers import DynamicCache, LlamaConfig, LlamaModel
    except ImportError as exc:
        raise SettingsError("the baseline needs transformers: pip install 'vivace[bench]'") from exc

    torch.manual_seed(0)
    width, books = config.hidden_size, config.num_vq
    llama = LlamaModel(
        LlamaConfig(
            vocab_size=8,  # its own table is not used
            hidden_size=width,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.num_hidden_layers,
            num_attention_heads=config.num_attention_heads,
            max_position_embeddings=config.max_position_embeddings,
            rms_norm_eps=config.rms_norm_eps,
        )
    )
    nn.Module.eval(llama)
    nn.Module.to(llama, device)
    tables = [nn.Embedding(config.num_audio_tokens, width, device=device) for _ in range(books)]
    heads = [nn.Linear(width, config.num_audio_tokens, bias=False, device=device) for _ in range(books)]
    cache = DynamicCache()

    def frame(x: Tensor) -> Tensor:
        hidden = llama(inputs_embeds=x, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        logits = torch.stack([head(hidden)[0] for head in heads]) / TEMPERATURE  # [Q, V]
        values, codes = logits.topk(TOP_K)
        drawn = torch.multinomial(values.softmax(-1), 1)
        picked = codes.gather(1, drawn)[:, 0].tolist()  # the loop reads it to know when to stop
        return torch.stack(
            [table(torch.tensor(code, device=device)) for table, code in zip(tables, picked, strict=True)]
        ).sum(0)[None, None]

    with torch.inference_mode():
        x = frame(torch.randn(1, prompt, width, device=device))
        seconds = []
        for step in range(WARM_UP + steps):
            started = time.perf_counter()
            x = frame(x)
            if step >= WARM_UP:
                seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
