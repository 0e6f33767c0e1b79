"""The result of a synthesis: whole speech, chunks of a stream, statistics, and the form that is cached."""

# N samples

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vivace.audio.encode import encode
from vivace.audio.files import write_audio
from vivace.audio.spec import AudioFormat
from vivace.pipeline.speech_check import SegmentFault

Samples = NDArray[np.float32]
SAMPLE = np.dtype("<f4")  # of the cached form


@dataclass(frozen=True)
class SpeechStats:
    """Facts of a synthesis; the same text, voice and ``seed`` give the same samples again."""

    duration_s: float  # of the audio
    elapsed_s: float  # wall clock of the synthesis
    seed: int
    voice: str
    pieces: int  # segments
    code_frames: int
    stopped: bool  # every segment ended by itself, none at the length limit
    faults: tuple[SegmentFault, ...] = ()  # segments that stayed faulty: see docs/models.md
    retries: int = 0  # segments that were made again because of a fault
    cached: bool = False  # from the result cache; elapsed_s is the time of the look-up

    @property
    def rtf(self) -> float:
        """Real-time factor: seconds of work per second of audio."""
        return self.elapsed_s / self.duration_s if self.duration_s else math.inf


@dataclass(frozen=True, eq=False)
class Speech:
    """A finished synthesis."""

    samples: Samples = field(repr=False)  # [N] float32, -1..1
    sample_rate: int  # Hz
    stats: SpeechStats

    @classmethod
    def of(cls, chunks: Sequence["AudioChunk"], stats: SpeechStats) -> Self:
        """All chunks of a stream, joined."""
        return cls(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, stats)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    def encode(self, format: AudioFormat = "wav") -> bytes:
        """The whole audio in a file format."""
        return encode(self.samples, self.sample_rate, format)

    def save(self, path: str | Path, format: AudioFormat | None = None) -> Path:
        """Write a file; the format follows the extension unless it is given.

        Raises: InputError when the extension is unknown or the file cannot be written; nothing half-written stays.
        """
        target = Path(path)
        write_audio(target, self.samples, self.sample_rate, format)
        return target


@dataclass(frozen=True, eq=False)
class AudioChunk:
    """A part of a stream; all chunks joined are the speech."""

    samples: Samples = field(repr=False)  # [N] float32, -1..1
    sample_rate: int  # Hz
    text: str  # the normalized text of the segment
    last: bool


def pack_speech(speech: Speech) -> bytes:
    """Exact bytes for ``unpack_speech``: one line of JSON, then the samples."""
    head = json.dumps({"sample_rate": speech.sample_rate, "stats": asdict(speech.stats)}, separators=(",", ":"))
    return head.encode() + b"\n" + np.ascontiguousarray(speech.samples, SAMPLE).tobytes()


def unpack_speech(record: bytes) -> Speech:
    """The same speech, bit by bit; its samples are read-only."""
    end = record.index(b"\n")
    head = json.loads(record[:end])
    samples = np.frombuffer(record, SAMPLE, offset=end + 1)
    stats = {**head["stats"], "faults": tuple(SegmentFault(**fault) for fault in head["stats"].get("faults", ()))}
    return Speech(samples, head["sample_rate"], SpeechStats(**stats))
