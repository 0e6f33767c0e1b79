"""S2 of v1, v2, v2Pro and v2ProPlus: codes to a wave by a flow and a HiFi-GAN decoder.

Source: section 9 of the GPT-SoVITS model facts; arXiv:2106.06103.
"""

# B batch, Q codes, X phones, C latent channels, T content frames, N samples, G width of the style

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from vivace.layers.hifigan import HiFiGANGenerator
from vivace.models.gpt_sovits.checkpoint.config import S2Config
from vivace.models.gpt_sovits.s2.content_encoder import ContentEncoder, stretch, stretched_length
from vivace.models.gpt_sovits.s2.coupling_flow import CouplingFlow
from vivace.models.gpt_sovits.s2.semantic import FRAMES_PER_CODE, SemanticQuantizer, StyleEncoder

SAMPLE_RATE = 32_000  # Hz
NOISE_SCALE = 0.5  # of the prior's deviation


@dataclass(frozen=True)
class Style:
    """A voice as the decoder knows it."""

    decoder: Tensor  # [1, G, 1]: conditions flow and decoder
    encoder: Tensor  # [1, width, 1]: conditions the content encoder


@dataclass(frozen=True)
class Prior:
    """Where a latent lies, ``[B, C, T]`` each."""

    mean: Tensor
    log_deviation: Tensor

    def sample(self, noise: Tensor, scale: float = NOISE_SCALE) -> Tensor:
        """``noise`` is standard normal, of the mean's shape."""
        return self.mean + noise * self.log_deviation.exp() * scale


class SpeakerProjection(nn.Module):
    """The extra parts of v2Pro and v2ProPlus: a speaker vector in the style, and the style in the content encoder."""

    def __init__(self, speaker: int, style: int, attention: int) -> None:
        super().__init__()
        self.sv_emb = nn.Linear(speaker, style)
        self.prelu = nn.PReLU(style)
        self.ge_to512 = nn.Linear(style, attention)


class VitsModel(nn.Module):
    """All of an S2 file of these versions."""

    def __init__(self, config: S2Config) -> None:
        super().__init__()
        assert config.flow is not None, "these versions have a flow"
        assert config.decoder is not None, "these versions have a decoder"
        encoder, style = config.encoder, config.style.outputs
        self.enc_p = ContentEncoder(encoder)
        self.ref_enc = StyleEncoder(config.style)
        self.quantizer = SemanticQuantizer(encoder.features, config.codes)
        self.flow = CouplingFlow(encoder.latent, style, config.flow)
        self.dec = HiFiGANGenerator(config.decoder)
        self.speaker = SpeakerProjection(config.speaker, style, encoder.attention) if config.speaker else None
        self.hop = config.decoder.hop  # samples per content frame
        sizes = config.flow
        self.flow_reach = sizes.couplings * sizes.layers * (sizes.kernel // 2)  # frames that it sees on each side
        self.sample_rate = SAMPLE_RATE

    def style(self, spectrograms: Sequence[Tensor], speakers: Sequence[Tensor] = ()) -> Style:
        """The mean style of recordings.

        Args:
            spectrograms: ``[1, F, T]`` each.
            speakers: of v2Pro and v2ProPlus: a vector ``[1, speaker]`` per recording.
        """
        vectors = [self.ref_enc(spectrogram) for spectrogram in spectrograms]
        if self.speaker is not None:
            pairs = zip(vectors, speakers, strict=True)
            vectors = [self.speaker.prelu(v + self.speaker.sv_emb(s)[..., None]) for v, s in pairs]
        return self.style_of(torch.stack(vectors).mean(0))

    def style_of(self, mean: Tensor) -> Style:
        """The same from the mean vector ``[1, G, 1]`` that it was made of."""
        if self.speaker is None:
            return Style(mean, mean)
        return Style(mean, self.speaker.ge_to512(mean.transpose(1, 2)).transpose(1, 2))

    def hidden(self, codes: Tensor, phones: Tensor, style: Style) -> Tensor:
        """Codes ``[B, Q]`` and the phones they say ``[B, X]`` -> hidden frames ``[B, width, 2 * Q]``."""
        return cast(Tensor, self.enc_p(self.quantizer.decode(codes), phones, style.encoder))

    def prior(self, hidden: Tensor, *, speed: float = 1.0) -> Prior:
        """Hidden frames to the prior, faster or slower by resampling them."""
        return Prior(*self.enc_p.prior(stretch(hidden, stretched_length(hidden.shape[2], speed))))

    def wave(self, latent: Tensor, style: Style) -> Tensor:
        """A latent of the prior ``[B, C, T]`` -> samples ``[B, T * hop]``."""
        return cast(Tensor, self.dec(self.flow.inverse(latent, style.decoder), style.decoder))

    def frames(self, codes: int, *, speed: float = 1.0) -> int:
        """Content frames of so many codes, for the noise."""
        return stretched_length(FRAMES_PER_CODE * codes, speed)

    def forward(
        self,
        codes: Tensor,
        phones: Tensor,
        style: Style,
        noise: Tensor,
        *,
        speed: float = 1.0,
        noise_scale: float = NOISE_SCALE,
    ) -> Tensor:
        """Codes ``[B, Q]``, phones ``[B, X]``, normal noise ``[B, C, frames(Q)]`` -> samples ``[B, N]``."""
        prior = self.prior(self.hidden(codes, phones, style), speed=speed)
        return self.wave(prior.sample(noise, noise_scale), style)


def joined_hidden(hidden: Tensor, tail: Tensor | None, frames: int) -> Tensor:
    """The last ``frames`` of a stream's hidden frames, faded in over the end of what the last chunk had.

    Args:
        hidden: ``[B, width, T]`` of all codes so far.
        tail: ``[B, width, n]`` the last frames of the chunk before; None at the start.
    """
    kept = hidden[:, :, -frames:]
    if tail is None or tail.shape[2] == 0:
        return kept
    n = tail.shape[2]
    fade = torch.sin(torch.arange(2 * n, device=hidden.device, dtype=hidden.dtype) * (math.pi / (2 * n)))
    head = fade[:n] * kept[:, :, :n] + fade[n:] * tail
    return torch.cat((head, kept[:, :, n:]), dim=2)
