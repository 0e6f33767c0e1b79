"""A recording as the models take it. Source: sections 3 to 5 of the GPT-SoVITS model facts."""

# N samples, F frequency bins, M mel bands, T frames, P codes

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.audio.resample import Samples, resample
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork
from vivace.models.gpt_sovits.reference.filter_bank import SAMPLE_RATE as BANK_RATE
from vivace.models.gpt_sovits.reference.filter_bank import filter_bank
from vivace.models.gpt_sovits.reference.hubert import SAMPLE_RATE as HUBERT_RATE
from vivace.models.gpt_sovits.reference.hubert import TAIL, Hubert
from vivace.models.gpt_sovits.reference.magnitude import FrameSpec, magnitudes, slaney_log_mel
from vivace.models.gpt_sovits.reference.resample import sinc_resample
from vivace.models.gpt_sovits.s2.flow_matching import normalised
from vivace.models.gpt_sovits.s2.semantic import SemanticQuantiser

STYLE_FRAMES = FrameSpec(32_000, 2048, 640)  # of the style encoder's spectrogram
LOUDEST = 2.0  # by which a recording is divided at most


def limited(samples: Tensor) -> Tensor:
    """Divided by its peak where that is above 1, but by no more than ``LOUDEST``."""
    peak = float(samples.abs().max())
    return samples / min(LOUDEST, peak) if peak > 1 else samples


def semantic_codes(samples: Samples, rate: int, hubert: Hubert, quantiser: SemanticQuantiser) -> Tensor:
    """Codes ``[P]`` of mono samples ``[N]``: 25 a second, and those of the silence that is put behind them."""
    heard = torch.from_numpy(resample(samples, rate, HUBERT_RATE)).to(quantiser.codebook.device)
    return quantiser.encode(hubert(F.pad(heard, (0, TAIL))[None]))[0]


def style_spectrogram(samples: Samples, rate: int) -> Tensor:
    """``[1, F, T]`` of mono samples ``[N]``."""
    return magnitudes(_at_style_rate(samples, rate), STYLE_FRAMES)


def speaker_vector(samples: Samples, rate: int, network: SpeakerNetwork) -> Tensor:
    """``[1, D]`` of mono samples ``[N]``."""
    heard = sinc_resample(_at_style_rate(samples, rate), STYLE_FRAMES.sample_rate, BANK_RATE)
    vector: Tensor = network(filter_bank(heard[0])[None].to(next(network.parameters()).device))
    return vector


def prompt_mel(samples: Samples, rate: int, spec: FrameSpec) -> Tensor:
    """Normalised log-mel ``[1, M, T]`` of mono samples ``[N]``; their peak is left as it is."""
    return normalised(slaney_log_mel(sinc_resample(torch.from_numpy(samples)[None], rate, spec.sample_rate), spec))


def _at_style_rate(samples: Samples, rate: int) -> Tensor:
    return limited(sinc_resample(torch.from_numpy(samples)[None], rate, STYLE_FRAMES.sample_rate))
