"""Which codebooks may end the speech."""

import pytest
import torch
from fakes.tiny_llama import TINY

from vivace.models.chattts.checkpoint.load import build_chattts
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama
from vivace.models.registry import embedded_root

END = TINY.num_audio_tokens - 1
HIDDEN = torch.randn(3, TINY.hidden_size, generator=torch.Generator().manual_seed(1))


def logits(end_codebooks: tuple[int, ...] | None, *, fused: bool) -> torch.Tensor:
    torch.manual_seed(0)
    llama, embeddings = Llama(TINY), Embeddings(TINY, text_head=False)
    for module in (llama, embeddings):
        module.eval().requires_grad_(False)
    if fused:
        embeddings.fuse()
    return CodeMode(llama, embeddings, TINY, end_codebooks).logits(HIDDEN)


@pytest.mark.parametrize("fused", [False, True])
def test_other_codebooks_never_end_it_and_nothing_else_changes(fused: bool) -> None:
    free, held = logits(None, fused=fused), logits((0, 2), fused=fused)
    assert (held[:, 1::2].argmin(-1) == END).all()
    assert (held[:, 1::2].softmax(-1)[..., END] == 0).all()
    assert held.isfinite().all()  # what is not finite means a broken step
    held[:, 1::2, END] = free[:, 1::2, END]
    assert torch.equal(held, free)


def test_the_embedded_voice_ends_by_its_first_stage_codes() -> None:
    model, _ = build_chattts(embedded_root())
    assert model.config.vivace.end_codebooks == (0, 2)
    mode = model.code_mode
    ends = mode.logits(torch.randn(2, model.config.gpt.hidden_size))[..., mode.spec.end_code]
    assert (ends[:, [1, 3]] < -1000).all()
    assert (ends[:, [0, 2]] > -1000).all()
