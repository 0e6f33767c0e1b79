"""Whether one person speaks: an embedding of the voice. Source: Wan et al. 2018 (arXiv:1710.10467), Resemblyzer."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.models.gpt_sovits.reference.magnitude import FrameSpec, slaney_filters
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.judges.packages import JudgeParts
from vivace.weights.legacy_file import unpickled

SPEC = FrameSpec(16_000, n_fft=400, hop=160, n_mels=40)
WINDOW, STEP = 160, 80  # mel frames that are heard at once, and to the next
LEVEL_DB = -30.0
Embedding = NDArray[np.float32]


class SpeakerEncoder:
    """256 numbers of length one for a voice."""

    def __init__(self, parts: JudgeParts) -> None:
        state: dict[str, Tensor] = cast(Any, unpickled(parts.speaker))["model_state"]
        self._lstm, self._linear = nn.LSTM(SPEC.n_mels, 256, 3, batch_first=True), nn.Linear(256, 256)
        for module, name in ((self._lstm, "lstm."), (self._linear, "linear.")):
            module.load_state_dict({k.removeprefix(name): v for k, v in state.items() if k.startswith(name)})

    @torch.inference_mode()
    def __call__(self, samples: Samples) -> Embedding:
        """Of ``[N]`` at 24 kHz; the longer the surer, from two seconds on."""
        frames = mel_power(soxr.resample(samples, SAMPLE_RATE, SPEC.sample_rate).astype(np.float32))
        if len(frames) < WINDOW:
            frames = frames.repeat(-(-WINDOW // max(len(frames), 1)), 1)
        parts = frames.unfold(0, WINDOW, STEP).transpose(1, 2)  # [P, WINDOW, 40]
        _, (hidden, _) = self._lstm(parts)
        each = nn.functional.normalize(self._linear(hidden[-1]).relu(), dim=1)
        mean: Embedding = nn.functional.normalize(each.mean(0), dim=0).numpy()
        return mean


def mel_power(speech: Samples) -> Tensor:
    """Mel power of ``[N]`` at 16 kHz, quiet speech raised to -30 dB: ``[T, 40]``."""
    level = 10 * np.log10(max(float(np.mean(speech**2)), 1e-10))
    louder = torch.from_numpy(speech) * 10 ** (max(0.0, LEVEL_DB - level) / 20)
    window = torch.hann_window(SPEC.n_fft)
    stft = torch.stft(louder, SPEC.n_fft, SPEC.hop, window=window, pad_mode="constant", return_complex=True)
    return (slaney_filters(SPEC) @ stft.abs().square()).T


def similarity(a: Embedding, b: Embedding) -> float:
    """Cosine, 0 to 1."""
    return float(a @ b)


def halves(encoder: SpeakerEncoder, speeches: Sequence[Samples]) -> float:
    """Similarity of the even to the odd ones of ``speeches``: what one voice has with itself."""
    even, odd = (encoder(np.concatenate(speeches[start::2])) for start in (0, 1))
    return similarity(even, odd)
