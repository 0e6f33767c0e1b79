"""A folder of recordings, decoded and resampled once into one flat array that is mapped into memory."""

# N samples

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vivace.audio.files import read_audio
from vivace.errors import AudioDecodeError, InputError
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.run import Advance, Report
from vivace.types import Progress
from vivace.weights.atomic import replacing

log = logging.getLogger(__name__)

AUDIO_NAMES = "wav w64 aiff aif au caf flac mp3 aac ogg oga opus mov mp4 m4a mka mkv webm amr wma"
EXTENSIONS = frozenset(f".{name}" for name in AUDIO_NAMES.split())
LONGEST_S = 4 * 3600.0  # of one recording: it is decoded as a whole
FULL_SCALE = 32767


@dataclass(frozen=True)
class Entry:
    """Where a recording lies in the array."""

    name: str  # path below the folder
    start: int  # samples
    samples: int
    peak: float


class PreparedAudio:
    """``Recordings``: 16-bit samples on disk."""

    def __init__(self, wave: Path, entries: Sequence[Entry]) -> None:
        self._wave = np.memmap(wave, np.int16, "r")
        self.entries = tuple(entries)
        self.names = tuple(entry.name for entry in self.entries)
        self.lengths = tuple(entry.samples for entry in self.entries)

    def samples(self, index: int, start: int, count: int) -> Samples:
        entry = self.entries[index]
        first = entry.start + start
        part = self._wave[first : min(first + count, entry.start + entry.samples)]
        return part.astype(np.float32) / np.float32(FULL_SCALE)

    def peak(self, index: int) -> float:
        return self.entries[index].peak


def recordings_in(folder: Path) -> list[Path]:
    """Every file below ``folder`` whose extension is that of audio, sorted. Raises: InputError when there is none."""
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}; name one with recordings")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())
    if not files:
        raise InputError(f"no recordings in {str(folder)!r}; it has no .wav, .flac, .mp3, .ogg or other audio files")
    return files


def prepare_audio(
    folder: Path,
    store: Path,
    sample_rate: int,
    *,
    shortest: int,
    report: Report = log.warning,
    progress: Advance | None = None,
) -> PreparedAudio:
    """Decode all recordings of ``folder`` into ``store``, or take what is there when it was made from the same files.

    Args:
        shortest: samples; what is shorter is left out.
        report: is told of every file that is left out, and why.
    Raises:
        InputError: no recording is left.
    """
    files = recordings_in(folder)
    wave, index = store / "wave.i16", store / "index.json"
    fingerprint = _fingerprint(files, folder, sample_rate, shortest)
    if index.is_file():
        kept = json.loads(index.read_text(encoding="utf-8"))
        if kept["fingerprint"] == fingerprint and wave.is_file():
            return PreparedAudio(wave, [Entry(**fields) for fields in kept["entries"]])
    store.mkdir(parents=True, exist_ok=True)
    index.unlink(missing_ok=True)  # it does not fit the array that is written now
    with replacing(wave) as part:
        entries = _decode(files, folder, part, sample_rate, shortest, report, progress)
        if not entries:
            raise InputError(f"no recording in {str(folder)!r} can be used; the messages above say why")
    with replacing(index) as part:
        content = {"fingerprint": fingerprint, "entries": [asdict(entry) for entry in entries]}
        part.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return PreparedAudio(wave, entries)


def _fingerprint(files: Sequence[Path], folder: Path, sample_rate: int, shortest: int) -> str:
    """Changes when a file does, by its name, size or date."""
    digest = hashlib.sha256(f"{sample_rate} {shortest}".encode())
    for file in files:
        stat = file.stat()
        digest.update(f"\n{file.relative_to(folder).as_posix()} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()


def _decode(
    files: Sequence[Path],
    folder: Path,
    wave: Path,
    sample_rate: int,
    shortest: int,
    report: Report,
    progress: Advance | None,
) -> list[Entry]:
    entries: list[Entry] = []
    start = 0
    with wave.open("xb") as out:
        for number, file in enumerate(files, 1):
            name = file.relative_to(folder).as_posix()
            try:
                samples = read_audio(file, sample_rate, max_seconds=LONGEST_S)
            except AudioDecodeError as exc:
                report(f"left out: {exc}")
                continue
            if len(samples) < shortest:
                report(f"left out: {name} has {len(samples)} samples; a crop needs {shortest}")
                continue
            out.write((samples.clip(-1, 1) * FULL_SCALE).round().astype(np.int16).tobytes())
            entries.append(Entry(name, start, len(samples), float(np.abs(samples).max())))
            start += len(samples)
            if progress is not None:
                progress(Progress(number, len(files), "recordings"))
    return entries
