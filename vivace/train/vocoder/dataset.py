"""Training data of a vocoder: recordings that can be read in part, predicted mels, crops, batches.

Predicted mels tune a vocoder to a model. For a folder of recordings, ``voice/one.flac`` goes with ``voice/one.npy``:
``[M, F]``, natural log. For a corpus, each of its shards has a folder of the same name with ``mel.f16``: ``[F, M]``
float16, all utterances of the shard in a row, as the corpus keeps the mels of the recordings themselves. Frame ``i`` is
centered on sample ``i * hop``.
"""

import hashlib
import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.audio.files import read_audio
from vivace.audio.mel import MelSpec, log_mel
from vivace.errors import AudioDecodeError, InputError
from vivace.train.corpus.dataset import FRAMES_PER_CODE, MEL_FILE, N_MELS, Corpus, Utterance
from vivace.train.corpus.recording import CODE_SAMPLES, Samples
from vivace.train.vocoder.config import DataConfig
from vivace.train.vocoder.run import Advance, Report
from vivace.types import Progress
from vivace.weights.files import replacing

# B batch, N samples, F frames, M mel bins


class Recordings(Protocol):
    """Many recordings at one sample rate."""

    names: tuple[str, ...]
    lengths: tuple[int, ...]  # samples

    def samples(self, index: int, start: int, count: int) -> Samples:
        """At most ``count`` samples of a recording, from ``start``."""
        ...

    def peak(self, index: int) -> float:
        """The largest magnitude of a recording."""
        ...


class CorpusRecordings:
    """A part of the corpus that the recipe of the embedded voice makes."""

    def __init__(self, corpus: Corpus, utterances: Sequence[Utterance]) -> None:
        self._corpus, self.utterances = corpus, tuple(utterances)
        self.names = tuple(f"{corpus.folders[u.shard].name}/{u.start}" for u in self.utterances)
        self.lengths = tuple(u.frames * CODE_SAMPLES for u in self.utterances)

    def samples(self, index: int, start: int, count: int) -> Samples:
        return self._corpus.samples(self.utterances[index])[start : start + count]

    def peak(self, index: int) -> float:
        return float(np.abs(self._corpus.samples(self.utterances[index])).max(initial=0.0))


class RecordingPart:
    """Some of the recordings, under their own numbers."""

    def __init__(self, whole: Recordings, indices: Sequence[int]) -> None:
        self._whole, self._indices = whole, tuple(indices)
        self.names = tuple(whole.names[i] for i in self._indices)
        self.lengths = tuple(whole.lengths[i] for i in self._indices)

    def samples(self, index: int, start: int, count: int) -> Samples:
        return self._whole.samples(self._indices[index], start, count)

    def peak(self, index: int) -> float:
        return self._whole.peak(self._indices[index])


def split(whole: Recordings, share: float, seed: int) -> tuple[RecordingPart, RecordingPart]:
    """The recordings to train on, and a random ``share`` of them, at least one, that is held out."""
    order: NDArray[np.int64] = np.random.default_rng([seed, 1]).permutation(len(whole.names))
    held = max(1, round(share * len(order)))
    return RecordingPart(whole, sorted(order[held:].tolist())), RecordingPart(whole, sorted(order[:held].tolist()))


# N samples


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


Mel = NDArray[np.float32]


class PredictedMels(Protocol):
    """Mels that go with recordings, under the same numbers."""

    def mel(self, index: int, start: int, count: int) -> Mel:
        """``[M, F]`` of at most ``count`` frames from frame ``start``."""
        ...


class MelFiles:
    """One array file for each recording."""

    def __init__(self, folder: Path, names: Sequence[str], frames: Sequence[int], n_mels: int) -> None:
        self._files = [folder / Path(name).with_suffix(".npy") for name in names]
        for file, least in zip(self._files, frames, strict=True):
            shape = _opened(file).shape
            if len(shape) != 2 or shape[0] != n_mels or shape[1] < least:
                raise InputError(f"{file} holds {list(shape)}; its recording needs [{n_mels}, {least}] or more frames")

    def mel(self, index: int, start: int, count: int) -> Mel:
        return _opened(self._files[index])[:, start : start + count].astype(np.float32)


class ShardMels:
    """One flat array for each shard of a corpus."""

    def __init__(self, folder: Path, corpus: Corpus, utterances: Sequence[Utterance]) -> None:
        self._utterances = tuple(utterances)
        files = [folder / shard.name / MEL_FILE for shard in corpus.folders]
        if missing := [file for file in files if not file.is_file()]:
            raise InputError(f"no {missing[0]}; predict the mels of every shard of the corpus")
        self._arrays = [np.memmap(file, np.float16, "r").reshape(-1, N_MELS) for file in files]
        for u in self._utterances:
            if len(self._arrays[u.shard]) < FRAMES_PER_CODE * (u.start + u.frames):
                raise InputError(f"{files[u.shard]} ends before its corpus does; predict its mels again")

    def mel(self, index: int, start: int, count: int) -> Mel:
        u = self._utterances[index]
        first, last = FRAMES_PER_CODE * u.start, FRAMES_PER_CODE * (u.start + u.frames)
        part = self._arrays[u.shard][first + start : min(first + start + count, last)]
        return np.ascontiguousarray(part.T, np.float32)


def _opened(file: Path) -> NDArray[np.float32]:
    try:
        array: NDArray[np.float32] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as exc:
        raise InputError(f"cannot read the mel {str(file)!r} ({exc}); write one with numpy.save") from exc
    return array


# N samples


ORDER, PLACE = 2, 3  # what random numbers are drawn for


@dataclass(frozen=True)
class Crop:
    """``chance`` is a random number of its own, 0 to 1, for what is done with the crop."""

    recording: int
    start: int  # samples, a multiple of the hop
    chance: float


class CropPlan:
    """Crops of ``size`` samples, one epoch after the other.

    An epoch has as many crops of each recording as fit into it side by side, at least one; their order is new in every
    epoch, and each is moved at random by up to half its length. So an hour of speech counts the same in one file or in
    a thousand.

    Args:
        lengths: of the recordings, samples.
        hop: crops start at multiples of it.
    """

    def __init__(self, lengths: Sequence[int], size: int, hop: int, seed: int) -> None:
        self._lengths, self._size, self._hop, self._seed = tuple(lengths), size, hop, seed
        counts = [max(1, length // size) for length in lengths]
        self._recording: NDArray[np.int64] = np.repeat(np.arange(len(counts)), counts)
        self._place: NDArray[np.int64] = np.concatenate([np.arange(count) for count in counts])

    @property
    def crops_per_epoch(self) -> int:
        return len(self._recording)

    def at(self, position: int) -> Crop:
        """Crop number ``position``, from 0 without end."""
        epoch, number = divmod(position, len(self._recording))
        slot = int(_order(self._seed, epoch, len(self._recording))[number])
        recording = int(self._recording[slot])
        shift, chance = np.random.default_rng([self._seed, PLACE, position]).random(2)
        latest = max(0, self._lengths[recording] - self._size)
        start = (int(self._place[slot]) + shift - 0.5) * self._size
        hops = round(min(max(start, 0), latest) / self._hop)
        return Crop(recording, min(hops, latest // self._hop) * self._hop, float(chance))


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, ORDER, epoch]).permutation(count)


@dataclass(frozen=True)
class TrainingData:
    """Recordings and, where the generator is tuned to a model, the mels that it predicts for them."""

    recordings: Recordings
    mels: PredictedMels | None = None


@dataclass(frozen=True)
class VocoderBatch:
    """Recordings and what the generator is shown of them."""

    samples: Tensor  # [B, N]
    mel: Tensor  # [B, M, F], N = (F - 1) * hop


class Batches:
    """Batch after batch by a counter; the same counter gives the same batch."""

    def __init__(self, material: TrainingData, data: DataConfig, spec: MelSpec, seed: int) -> None:
        self._material, self._data, self._spec = material, data, spec
        self._plan = CropPlan(material.recordings.lengths, data.crop_samples, spec.hop, seed)

    @property
    def crops_per_epoch(self) -> int:
        return self._plan.crops_per_epoch

    def at(self, number: int, rows: int, device: torch.device) -> VocoderBatch:
        """Batch ``number``, from 0: crops ``number * rows`` and those that follow."""
        crops = [self._crop(position) for position in range(number * rows, (number + 1) * rows)]
        samples = torch.from_numpy(np.stack([wave for wave, _ in crops]))
        predicted = [mel for _, mel in crops if mel is not None]
        seen = torch.stack(predicted) if predicted else log_mel(samples, self._spec)
        if self._data.mel_floor is not None:
            seen = seen.clamp_min(self._data.mel_floor)
        return VocoderBatch(samples.to(device), seen.to(device))

    def _crop(self, position: int) -> tuple[Samples, Tensor | None]:
        crop, size, hop = self._plan.at(position), self._data.crop_samples, self._spec.hop
        wave = self._material.recordings.samples(crop.recording, crop.start, size)
        gain = self._gain(crop)
        wave = np.pad(wave, (0, size - len(wave))) * np.float32(gain)
        if self._material.mels is None:
            return wave, None
        frames = size // hop + 1
        mel = torch.from_numpy(self._material.mels.mel(crop.recording, crop.start // hop, frames))
        floor = math.log(self._spec.floor)
        mel = torch.nn.functional.pad(mel, (0, frames - mel.shape[1]), value=floor)
        return wave, (mel + math.log(gain)).clamp_min(floor)

    def _gain(self, crop: Crop) -> float:
        """By the peak of the whole recording: a pause in loud speech stays one."""
        if self._data.level == "recorded":
            return 1.0
        low, high = self._data.peak_db
        wanted = 10 ** ((low + (high - low) * crop.chance) / 20)
        return wanted / max(self._material.recordings.peak(crop.recording), 1e-3)  # silence is not made loud
