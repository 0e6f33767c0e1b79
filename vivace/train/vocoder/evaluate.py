"""Measuring a vocoder on a folder of recordings: ``vivace eval vocoder``."""

# N samples

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from vivace.audio.files import read_audio
from vivace.audio.mel import MelSpec, log_mel
from vivace.errors import AudioDecodeError, InputError
from vivace.models.registry import embedded_root
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.generator import quieter, read_vocos
from vivace.train.vocoder.measures import Measures, measure
from vivace.train.vocoder.prepared_audio import LONGEST_S, recordings_in
from vivace.train.vocoder.run import Advance, Report
from vivace.types import Progress
from vivace.vocoder.base import Vocoder

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
