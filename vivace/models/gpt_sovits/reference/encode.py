"""A recording in the form that the models take. Source: sections 3 to 5 of the GPT-SoVITS model facts."""

# N samples, F frequency bins, M mel bands, T frames, P codes

import hashlib
import logging

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.audio.resample import Samples, resample
from vivace.errors import InputError
from vivace.models.gpt_sovits.expected_length import phones_of
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork
from vivace.models.gpt_sovits.reference.hubert import SAMPLE_RATE as HUBERT_RATE
from vivace.models.gpt_sovits.reference.hubert import TAIL, Hubert
from vivace.models.gpt_sovits.reference.spectra import (
    BANK_RATE,
    FrameSpec,
    filter_bank,
    magnitudes,
    sinc_resample,
    slaney_log_mel,
)
from vivace.models.gpt_sovits.s2.flow_matching import normalized
from vivace.models.gpt_sovits.s2.semantic import SemanticQuantizer
from vivace.types import LanguageChoice


def encoder_fingerprint(*parts: nn.Module) -> str:
    """Fingerprint of the weights of what turns a recording into a voice: style encoder and quantizer."""
    digest = hashlib.sha256()
    for part in parts:
        for name, tensor in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


log = logging.getLogger(__name__)

SLOWEST, FASTEST = 2.0, 25.0  # phones per second of recording, pauses included


def check_transcript(transcript: str, seconds: float, language: LanguageChoice = "auto") -> None:
    """Log what is odd. Raises: InputError when nothing of it is read."""
    read = phones_of(transcript, language)
    if not read:
        raise InputError(f"nothing of the transcript {transcript[:40]!r} can be read as {language!r} text")
    if not SLOWEST <= read / seconds <= FASTEST:
        log.warning(
            "the transcript has %d phones for %.1f s of recording: if these are not its words, or they are in a "
            "language that is not read here, the voice will skip or repeat words",
            read,
            seconds,
        )


STYLE_FRAMES = FrameSpec(32_000, 2048, 640)  # of the style encoder's spectrogram
LOUDEST = 2.0  # by which a recording is divided at most


def limited(samples: Tensor) -> Tensor:
    """Divided by its peak where that is above 1, but by no more than ``LOUDEST``."""
    peak = float(samples.abs().max())
    return samples / min(LOUDEST, peak) if peak > 1 else samples


def semantic_codes(samples: Samples, rate: int, hubert: Hubert, quantizer: SemanticQuantizer) -> Tensor:
    """Codes ``[P]`` of mono samples ``[N]``: 25 a second, and those of the silence that is put behind them."""
    heard = torch.from_numpy(resample(samples, rate, HUBERT_RATE)).to(quantizer.codebook.device)
    return quantizer.encode(hubert(F.pad(heard, (0, TAIL))[None]))[0]


def style_spectrogram(samples: Samples, rate: int) -> Tensor:
    """``[1, F, T]`` of mono samples ``[N]``."""
    return magnitudes(_at_style_rate(samples, rate), STYLE_FRAMES)


def speaker_vector(samples: Samples, rate: int, network: SpeakerNetwork) -> Tensor:
    """``[1, D]`` of mono samples ``[N]``."""
    heard = sinc_resample(_at_style_rate(samples, rate), STYLE_FRAMES.sample_rate, BANK_RATE)
    vector: Tensor = network(filter_bank(heard[0])[None].to(next(network.parameters()).device))
    return vector


def prompt_mel(samples: Samples, rate: int, spec: FrameSpec) -> Tensor:
    """Normalized log-mel ``[1, M, T]`` of mono samples ``[N]``; their peak is left as it is."""
    return normalized(slaney_log_mel(sinc_resample(torch.from_numpy(samples)[None], rate, spec.sample_rate), spec))


def _at_style_rate(samples: Samples, rate: int) -> Tensor:
    return limited(sinc_resample(torch.from_numpy(samples)[None], rate, STYLE_FRAMES.sample_rate))
