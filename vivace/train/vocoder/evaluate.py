"""Objective measures of a vocoder on a folder of recordings: ``vivace eval vocoder``."""

import importlib.util
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.audio.files import read_audio
from vivace.audio.mel import MelSpec, log_mel
from vivace.audio.resample import resample
from vivace.errors import AudioDecodeError, InputError, SettingsError
from vivace.models.registry import embedded_root
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.dataset import LONGEST_S, recordings_in
from vivace.train.vocoder.losses import stft_distance
from vivace.train.vocoder.run import Advance, Report
from vivace.train.vocoder.state import quieter, read_vocos
from vivace.types import Progress
from vivace.vocoder.base import Vocoder

# N samples, F frames, W samples of a window, L lags


Array = NDArray[np.float64]

LOWEST, HIGHEST = 55.0, 500.0  # Hz
WINDOW_S, STEP_S = 0.04, 0.01
VOICED = 0.85  # periodicity from which a frame counts as voiced; the paper's threshold of 0.15 on 1 minus it
SILENT = 1e-3  # root mean square below which a frame has no period, -60 dB
FRAMES = 512  # at a time: what they need is FRAMES * 4 * W numbers


@dataclass(frozen=True, eq=False)
class Periodicity:
    """Of one recording, every ``STEP_S``."""

    degree: Array  # [F], 0 to 1
    hertz: Array  # [F], of the best period, whether the frame is voiced or not

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return np.asarray(self.degree >= VOICED)


def periodicity(samples: Samples, sample_rate: int) -> Periodicity:
    """``[N]`` -> ``F = N // step + 1`` frames; silence beyond both ends."""
    window, step = round(WINDOW_S * sample_rate), round(STEP_S * sample_rate)
    longest = int(sample_rate / LOWEST) + 1
    reach = window + longest
    padded = np.pad(samples.astype(np.float64), (reach // 2, reach - reach // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, reach)[::step]
    parts = [_analyze(frames[i : i + FRAMES], window, longest, sample_rate) for i in range(0, len(frames), FRAMES)]
    return Periodicity(np.concatenate([d for d, _ in parts]), np.concatenate([h for _, h in parts]))


def _analyze(frames: Array, window: int, longest: int, sample_rate: int) -> tuple[Array, Array]:
    """``[F, W + L]`` -> degree and Hz, ``[F]`` each."""
    shortest = int(sample_rate / HIGHEST)
    normalized = _normalized_difference(frames, window, longest)
    inside = normalized[:, shortest : longest + 1]
    dips = (inside[:, 1:-1] <= inside[:, :-2]) & (inside[:, 1:-1] < inside[:, 2:])
    good = dips & (inside[:, 1:-1] < 1 - VOICED)
    first = np.argmax(good, axis=1) + 1  # the first dip that is deep enough, so that no double period is taken
    lag = np.where(good.any(axis=1), first, np.argmin(inside, axis=1))
    rows = np.arange(len(frames))
    depth = inside[rows, lag]
    loud = np.sqrt(np.mean(np.square(frames[:, :window]), axis=1)) > SILENT
    hertz = sample_rate / (shortest + lag + _vertex(inside, rows, lag))
    return np.where(loud, np.clip(1 - depth, 0, 1), 0.0), hertz


def _normalized_difference(frames: Array, window: int, longest: int) -> Array:
    """Squared difference of a window and the one ``tau`` later, over its mean for all shorter lags: ``[F, L + 1]``."""
    size = 1 << (frames.shape[1] + window - 1).bit_length()
    spectrum = np.fft.rfft(frames, size) * np.conj(np.fft.rfft(frames[:, :window], size))
    product = np.fft.irfft(spectrum, size)[:, : longest + 1]
    energy = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1)
    later = energy[:, window : window + longest + 1] - energy[:, : longest + 1]
    difference = np.maximum(later[:, :1] + later - 2 * product, 0.0)
    difference[:, 0] = 0.0
    mean = np.cumsum(difference, axis=1) / np.maximum(np.arange(longest + 1), 1)
    return np.where(mean > 1e-12, difference / np.maximum(mean, 1e-12), 1.0)


def _vertex(inside: Array, rows: NDArray[np.int64], lag: NDArray[np.int64]) -> Array:
    """How far the bottom of the parabola through a dip and its neighbors lies from the dip, in lags."""
    middle = np.clip(lag, 1, inside.shape[1] - 2)
    before, here, after = (inside[rows, middle + offset] for offset in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.where(np.abs(bend) > 1e-12, 0.5 * (before - after) / np.where(np.abs(bend) > 1e-12, bend, 1.0), 0.0)
    return np.where(middle == lag, np.clip(shift, -1, 1), 0.0)


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


log = logging.getLogger(__name__)
SPEC = MelSpec()
EMBEDDED_GAIN = 1.4  # with which its recipe writes the embedded voice's checkpoint
SPAN_S = 30.0  # longer recordings are measured in parts: memory stays bounded, and PESQ is made for utterances
SHORTEST_S = 0.25  # what PESQ asks for
Copy = Callable[[str, Samples], Samples]  # name and recording to the copy of it


def evaluate_weights(
    folder: Path,
    weights: Path | None = None,
    *,
    spec: MelSpec = SPEC,
    mel_floor: float | None = None,
    gain: float | None = None,
    limit: int | None = None,
    report: Report = log.warning,
    progress: Advance | None = None,
) -> list[Measures]:
    """Copy every recording of ``folder`` through its mel, and compare.

    Args:
        weights: of a Vocos, as ``read_vocos`` takes them; None: those of the embedded voice.
        mel_floor: natural log; the vocoder is shown no less.
        gain: how much louder than its mel the vocoder speaks, which is taken out first; None: 1 for ``weights``.
        limit: how many recordings, evenly spread over the folder; None: all.
        report: is told of recordings that are left out.
    Raises:
        InputError: there is no recording to measure.
        WeightsError: the weights cannot be used.
    """
    vocos = read_vocos(weights or embedded_root(), hop=spec.hop, rate=spec.sample_rate)
    quieter(vocos, gain or (1.0 if weights else EMBEDDED_GAIN))

    def copied(name: str, samples: Samples) -> Samples:
        return copy_of(samples, vocos, spec, mel_floor)

    return _compared(folder, copied, spec, limit, report, progress)


def evaluate_generated(
    folder: Path,
    generated: Path,
    *,
    spec: MelSpec = SPEC,
    limit: int | None = None,
    report: Report = log.warning,
    progress: Advance | None = None,
) -> list[Measures]:
    """Compare each recording of ``folder`` with the file of ``generated`` that has the same name but for its extension.

    Raises: InputError when one of them is missing, or there is no recording to measure.
    """
    made = {path.relative_to(generated).with_suffix(""): path for path in recordings_in(generated)}
    rate = spec.sample_rate
    whole: dict[str, Samples] = {}

    def found(name: str, samples: Samples) -> Samples:
        path, _, part = name.partition("#")
        file = made.get(Path(path).with_suffix(""))
        if file is None:
            raise InputError(
                f"{str(generated)!r} has no copy of {path!r}; generate it, or take it out of {str(folder)!r}"
            )
        if path not in whole:
            whole.clear()
            whole[path] = read_audio(file, rate, max_seconds=LONGEST_S)
        first = int(part or 0) * int(SPAN_S * rate)
        return whole[path][first : first + len(samples)]

    return _compared(folder, found, spec, limit, report, progress)


@torch.inference_mode()
def copy_of(samples: Samples, vocoder: Vocoder, spec: MelSpec, mel_floor: float | None) -> Samples:
    """``[N]`` through its mel and the vocoder: ``N // hop * hop`` samples."""
    mel = log_mel(torch.from_numpy(samples)[None], spec)
    made: Samples = vocoder(mel if mel_floor is None else mel.clamp_min(mel_floor))[0].float().numpy()
    return made


def _compared(
    folder: Path, copied: Copy, spec: MelSpec, limit: int | None, report: Report, progress: Advance | None
) -> list[Measures]:
    files = recordings_in(folder)
    if limit is not None:
        wanted = min(limit, len(files))
        files = [files[i * len(files) // wanted] for i in range(wanted)]
    measured = []
    for number, file in enumerate(files, 1):
        name = file.relative_to(folder).as_posix()
        try:
            samples = read_audio(file, spec.sample_rate, min_seconds=SHORTEST_S, max_seconds=LONGEST_S)
        except AudioDecodeError as exc:
            report(f"left out: {exc}")
            continue
        for part_name, part in _spans(name, samples, spec.sample_rate):
            measured.append(measure(part_name, part, copied(part_name, part), spec))
        if progress is not None:
            progress(Progress(number, len(files), "recordings"))
    if not measured:
        raise InputError(f"no recording in {str(folder)!r} can be measured; give some of {SHORTEST_S:g} s or more")
    return measured


def _spans(name: str, samples: Samples, rate: int) -> Iterator[tuple[str, Samples]]:
    size = int(SPAN_S * rate)
    for number, start in enumerate(range(0, len(samples), size)):
        part = samples[start : start + size]
        if len(part) >= SHORTEST_S * rate:
            yield (name if len(samples) <= size else f"{name}#{number}"), part
