"""How a speech went through its text: where some heads of the language model looked, frame by frame.

While it speaks, fused kernels never write attention down. Afterwards one pass over prompt and codes tells it.
"""

# L positions, T code frames, S tokens of the text, H heads, d width of a head, Q codebooks

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from vivace.engine.protocols import ARModel, ARPrompt, AttentionAlignment
from vivace.layers.attention import WholeRow


class AttentionRecorder(WholeRow):
    """``KVStore`` of one pass over one whole row that notes where the last head of some layers looks.

    Args:
        layers: whose last head is watched.
        first: position of the first query that is watched.
    """

    def __init__(self, layers: Collection[int], first: int) -> None:
        self._layers, self._first = layers, first
        self.noted: list[Tensor] = []  # [L - first, L] each, every row a distribution

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if layer in self._layers:
            asking, keys = q[0, -1, self._first :].float(), k[0, -1].float()
            scores = asking @ keys.T / keys.shape[-1] ** 0.5
            later = torch.ones_like(scores, dtype=torch.bool).triu(self._first + 1)
            self.noted.append(scores.masked_fill(later, -torch.inf).softmax(-1))
        return super().attend(layer, q, k, v)


@torch.inference_mode()
def trace_alignment(
    model: ARModel, prompt: ARPrompt, codes: Tensor, layers: Collection[int], sounds: Sequence[bool]
) -> AttentionAlignment | None:
    """Where the speech ``codes`` ``[T, Q]`` of ``prompt`` looked; None when there is none.

    Args:
        prompt: one row; its last token stands behind its text, whose tokens are the ones before.
        layers: whose last head follows the text.
        sounds: ``[S]`` which tokens of the text are to be heard.
    """
    if not len(codes) or not len(sounds):
        return None
    asked = prompt.embeddings
    last = asked.shape[1] - 1
    fed = model.embed(codes[None, :-1].to(asked.device)).to(asked)  # nothing follows the last frame
    x = torch.cat((asked, fed), dim=1)
    store = AttentionRecorder(layers, last)
    model.forward(x, torch.arange(x.shape[1], device=x.device)[None], store)
    looks = torch.stack(store.noted).mean(0)[:, last - len(sounds) : last]  # [T, S]
    return AttentionAlignment(looks.sum(0).cpu().numpy(), looks.argmax(1).cpu().numpy(), np.array(sounds, bool))
