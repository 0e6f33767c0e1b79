"""How near a copy of a recording is to it."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vivace.audio.mel import MelSpec, log_mel
from vivace.audio.resample import resample
from vivace.errors import SettingsError
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.periodicity import periodicity
from vivace.train.vocoder.spectral import stft_distance

# N samples


RATE = 16_000  # Hz, the only one of wide-band PESQ


def pesq_is_here() -> bool:
    return importlib.util.find_spec("pesq") is not None


def pesq_score(reference: Samples, made: Samples, sample_rate: int) -> float | None:
    """1.04 (bad) to 4.64 (no difference); None where the standard finds no speech in ``[N]``.

    Raises: SettingsError when the library is not installed.
    """
    try:
        import pesq
    except ImportError as exc:
        raise SettingsError("PESQ needs the library pesq: pip install 'vivace[eval]' (it compiles C)") from exc
    wanted, given = (resample(x, sample_rate, RATE) for x in (reference, made))
    score = pesq.pesq(RATE, wanted, given, "wb", on_error=pesq.PesqError.RETURN_VALUES)
    return float(score) if score > 0 else None


# N samples, F frames


@dataclass(frozen=True)
class Measures:
    """Of one copy. The counts and sums are of frames, so that several copies can be added up."""

    name: str
    seconds: float
    mel: float  # mean absolute difference of natural-log mels
    stft: float  # multi-resolution spectral distance, arXiv:1910.11480
    pesq: float | None  # wide band; None: not installed, or no speech in it
    frames: int
    periodicity_squares: float  # sum of squared differences
    both_voiced: int
    only_made_voiced: int
    only_reference_voiced: int
    cents_squares: float  # sum of squared pitch differences over the frames that both have voiced


@dataclass(frozen=True)
class Summary:
    """Of all copies: means over copies, and errors over all frames as in arXiv:2110.10139 and arXiv:2306.00814."""

    copies: int
    seconds: float
    mel_distance: float
    stft_distance: float
    pesq: float | None
    periodicity_error: float  # root mean square
    voicing_f1: float  # 0 to 1
    pitch_error_cents: float  # root mean square, where both are voiced


def measure(name: str, reference: Samples, made: Samples, spec: MelSpec) -> Measures:
    """Compare ``[N]`` samples with ``[N]`` at ``spec.sample_rate`` Hz; what one has more is cut off."""
    length = min(len(reference), len(made))
    reference, made = reference[:length], made[:length]
    a, b = (torch.from_numpy(np.ascontiguousarray(x))[None] for x in (made, reference))
    true, false = periodicity(reference, spec.sample_rate), periodicity(made, spec.sample_rate)
    both = true.voiced & false.voiced
    cents = 1200 * np.log2(false.hertz[both] / true.hertz[both])
    return Measures(
        name=name,
        seconds=length / spec.sample_rate,
        mel=float((log_mel(a, spec) - log_mel(b, spec)).abs().mean()),
        stft=float(stft_distance(a, b)),
        pesq=pesq_score(reference, made, spec.sample_rate) if pesq_is_here() else None,
        frames=len(true.degree),
        periodicity_squares=float(np.square(true.degree - false.degree).sum()),
        both_voiced=int(both.sum()),
        only_made_voiced=int((false.voiced & ~true.voiced).sum()),
        only_reference_voiced=int((true.voiced & ~false.voiced).sum()),
        cents_squares=float(np.square(cents).sum()),
    )


def summary(copies: Sequence[Measures]) -> Summary:
    """All copies together; there must be one at least."""
    scores = [copy.pesq for copy in copies if copy.pesq is not None]
    frames, both = (sum(getattr(copy, name) for copy in copies) for name in ("frames", "both_voiced"))
    wrong = sum(copy.only_made_voiced + copy.only_reference_voiced for copy in copies)
    return Summary(
        copies=len(copies),
        seconds=sum(copy.seconds for copy in copies),
        mel_distance=_mean([copy.mel for copy in copies]),
        stft_distance=_mean([copy.stft for copy in copies]),
        pesq=_mean(scores) if scores else None,
        periodicity_error=float(np.sqrt(sum(copy.periodicity_squares for copy in copies) / max(frames, 1))),
        voicing_f1=2 * both / max(2 * both + wrong, 1),
        pitch_error_cents=float(np.sqrt(sum(copy.cents_squares for copy in copies) / max(both, 1))),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
