"""What is trained together: language model, Decoder, speakers, and a help that is dropped afterwards."""

# B batch, L positions, T code frames, Q codebooks, V codes, D width, M mel bins

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from vivace.models.chattts.decoder import SpectrogramDecoder
from vivace.models.chattts.gpt import Embeddings, Llama
from vivace.train.preset import Preset

N_MELS = 100
FRAMES_PER_CODE = SpectrogramDecoder.frames_per_code


class VoiceModel(nn.Module):
    """The product's own modules, with weight-normalised heads as published checkpoints have them.

    ``speakers`` holds one row a teacher, scaled to unit length where it stands in for ``[spk_emb]``; ``mel_head`` reads
    the mel of a frame off its hidden state, which teaches the states faster than codes alone.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        gpt = preset.sizes.gpt
        self.preset = preset
        self.llama = Llama(gpt)
        self.embeddings = Embeddings(gpt, text_head=False)
        self._initialise(gpt.num_hidden_layers)
        for head in self.embeddings.head_code:
            weight_norm(head, dim=0)
        self.decoder = SpectrogramDecoder(preset.sizes.decoder, N_MELS)
        self.speakers = nn.Embedding(len(preset.speakers), gpt.hidden_size)
        self.mel_head = nn.Linear(gpt.hidden_size, FRAMES_PER_CODE * N_MELS)

    def _initialise(self, layers: int) -> None:
        for name, parameter in (*self.llama.named_parameters(), *self.embeddings.named_parameters()):
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.05 if "emb" in name else 0.02)
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.data /= (2 * layers) ** 0.5  # residual branches start small

    def head_weights(self) -> Tensor:
        """All code heads as one ``[Q * V, D]``."""
        return torch.cat([cast(Tensor, head.weight) for head in self.embeddings.head_code])

    def code_logits(self, hidden: Tensor, weights: Tensor) -> Tensor:
        """``[N, D]`` -> ``[N, Q, V]``; ``weights`` from ``head_weights``, which a step computes once."""
        books = self.preset.sizes.gpt.num_vq
        logits = nn.functional.linear(hidden, weights)
        return logits.view(*logits.shape[:-1], books, -1)

    def prompt(self, text: Tensor, speakers: Tensor) -> Tensor:
        """Ids ``[B, L]`` and speakers ``[B]`` -> ``[B, L, D]``; the second position is the speaker's."""
        embedded: Tensor = self.embeddings.emb_text(text)
        slot = torch.arange(text.shape[1]) == 1  # [spk_emb]
        return torch.where(slot[:, None], self.speaker_rows(speakers)[:, None], embedded)

    def speaker_rows(self, speaker: Tensor) -> Tensor:
        """``[B]`` -> unit rows ``[B, D]``."""
        return nn.functional.normalize(cast(Tensor, self.speakers(speaker)), dim=-1)
