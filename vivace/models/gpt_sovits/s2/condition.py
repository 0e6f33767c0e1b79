"""Codes and phones to the condition frames of v3 and v4, and all of their S2 files.

Source: section 11 of the GPT-SoVITS model facts.
"""

# B batch, Q codes, X phones, C condition channels, T content frames, M mel frames

from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.config import S2Config
from vivace.models.gpt_sovits.reference.spectra import FrameSpec
from vivace.models.gpt_sovits.s2.content_encoder import ContentEncoder, stretch, stretched_length
from vivace.models.gpt_sovits.s2.coupling_flow import GatedConvStack
from vivace.models.gpt_sovits.s2.flow_matching import FlowTransformer
from vivace.models.gpt_sovits.s2.semantic import SemanticQuantizer, StyleEncoder


@dataclass(frozen=True)
class MelVersion:
    """In what v3 and v4 differ."""

    prompt: FrameSpec  # how the recording's mel is taken
    frames_per_content: Fraction  # mel frames per content frame
    valid_per_code: float  # mel frames per code that the mask lets through
    sample_rate: int  # Hz, of the wave
    hop: int  # samples of the wave per mel frame
    reference_frames: int  # of the recording's mel, at most
    window_frames: int  # of recording and speech together


MEL_VERSIONS: dict[str, MelVersion] = {
    "v3": MelVersion(FrameSpec(24_000, 1024, 256), Fraction(15, 8), 3.875, 24_000, 256, 468, 934),
    "v4": MelVersion(FrameSpec(32_000, 1280, 320), Fraction(2), 4.0, 48_000, 480, 500, 1000),
}


class WaveConditioner(nn.Module):
    """Gated convolutions between two projections."""

    def __init__(self, channels: int, kernel: int, layers: int, style: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels, channels, 1)
        self.enc = GatedConvStack(channels, kernel, layers, style)
        self.proj = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, style: Tensor, mask: Tensor | None = None) -> Tensor:
        """``[B, C, M]``, style ``[B, G, 1]``, mask ``[B, 1, M]`` -> ``[B, C, M]``."""
        if mask is None:
            return cast(Tensor, self.proj(self.enc(self.pre(x), style)))
        return cast(Tensor, self.proj(self.enc(self.pre(x) * mask, style, mask))) * mask


class FlowMatchingModel(nn.Module):
    """All of an S2 file of v3 or v4."""

    def __init__(self, config: S2Config, version: MelVersion) -> None:
        super().__init__()
        assert config.matching is not None, "these versions match flows"
        encoder, sizes = config.encoder, config.matching
        self.enc_p = ContentEncoder(encoder)
        self.ref_enc = StyleEncoder(config.style)
        self.quantizer = SemanticQuantizer(encoder.features, config.codes)
        self.bridge = nn.Conv1d(encoder.width, sizes.condition, 1)
        self.wns1 = WaveConditioner(sizes.condition, sizes.wave_kernel, sizes.wave_layers, config.style.outputs)
        self.estimator = FlowTransformer(sizes)
        self.version = version
        self.wave_reach = sizes.wave_layers * (sizes.wave_kernel // 2)  # mel frames that ``wns1`` sees on each side

    def style(self, spectrogram: Tensor) -> Tensor:
        """Linear magnitudes ``[1, F, T]`` of the recording -> ``[1, G, 1]``."""
        return cast(Tensor, self.ref_enc(spectrogram))

    def condition(self, codes: Tensor, phones: Tensor, style: Tensor, *, speed: float = 1.0) -> Tensor:
        """Codes ``[B, Q]`` and the phones they say ``[B, X]`` -> condition frames ``[B, C, M]`` at the mel's rate."""
        hidden = self.enc_p(self.quantizer.decode(codes), phones, style)
        hidden = stretch(hidden, stretched_length(hidden.shape[2], speed))
        x = self.spread(hidden)
        # For v3 the mask lets all frames through; for v4 at another speed it may cut the last one.
        valid = self.version.valid_per_code * codes.shape[1]
        valid = int(valid) if speed == 1 else int(valid / speed) + 1
        mask = (torch.arange(x.shape[2], device=x.device) < valid).to(x.dtype).expand(len(x), 1, -1)
        return cast(Tensor, self.wns1(x, style, mask))

    def spread(self, hidden: Tensor, before: int = 0, *, last: bool = True) -> Tensor:
        """Hidden frames ``[B, width, T]`` -> frames at the mel's rate ``[B, C, n]``, before ``wns1``.

        Args:
            before: hidden frames of the piece that were spread before; all results joined are that of the whole.
            last: these are its last.
        """
        x, factor = F.leaky_relu(self.bridge(hidden)), self.version.frames_per_content
        # Mel frame n repeats hidden frame floor(n / factor).
        first, end = _ceil(before * factor), (before + x.shape[2]) * factor
        places = torch.arange(first, int(end) if last else _ceil(end), device=x.device)
        return x[:, :, places * factor.denominator // factor.numerator - before]


def _ceil(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)
