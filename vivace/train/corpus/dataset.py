"""The corpus on disk: one folder per writer, with flat arrays that are mapped into memory, and a line of JSON each."""

# T code frames, F = 2T mel frames, Q codebooks, M mel bins

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivace.errors import WeightsError
from vivace.train.corpus.recording import CODE_SAMPLES, Samples

MEL_FILE, WAVE_FILE, CODE_FILE, INDEX_FILE = "mel.f16", "wave.i16", "codes.i16", "index.jsonl"
N_MELS, CODEBOOKS, FRAMES_PER_CODE = 100, 4, 2
HOP = CODE_SAMPLES // FRAMES_PER_CODE
HELD_OUT = "held out"


@dataclass(frozen=True)
class Utterance:
    """One recording: what is said, by whom, and where its arrays are."""

    speaker: str
    kind: str  # "en", "zh", "mixed"
    text: str
    tokens: tuple[str, ...]
    positions: tuple[float, ...]  # [T] which token sounds in each code frame
    frames: int  # T
    start: int = 0  # of its first code frame in the shard
    shard: int = 0
    part: str = "train"  # or HELD_OUT

    @property
    def wave_start(self) -> int:
        """Its first sample in the shard."""
        return self.start * CODE_SAMPLES


class ShardWriter:
    """Appends utterances to one folder; the index is written line by line behind the arrays."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=False)
        self._mel, self._wave = (folder / MEL_FILE).open("wb"), (folder / WAVE_FILE).open("wb")
        self._index = (folder / INDEX_FILE).open("w", encoding="utf-8")
        self._start = 0

    def add(self, utterance: Utterance, mel: NDArray[np.float32], samples: Samples) -> None:
        """``mel`` ``[2T, M]`` and ``samples``, at most ``T * 512`` of them."""
        padded = np.zeros(utterance.frames * CODE_SAMPLES, np.float32)
        padded[: len(samples)] = samples
        self._mel.write(mel.astype(np.float16).tobytes())
        self._wave.write((padded * 32767).astype(np.int16).tobytes())
        placed = replace(utterance, start=self._start)
        self._index.write(json.dumps(asdict(placed), ensure_ascii=False) + "\n")
        self._start += utterance.frames

    def close(self) -> None:
        for file in (self._mel, self._wave, self._index):
            file.close()


class Corpus:
    """All shards below a folder. Arrays are memory maps: a corpus may be larger than memory."""

    def __init__(self, root: Path) -> None:
        self.folders = sorted(path.parent for path in root.glob(f"*/{INDEX_FILE}"))
        if not self.folders:
            raise WeightsError(f"{root} holds no corpus; make one with `python -m vivace.train corpus`")
        self.utterances = tuple(self._read_index())
        self._mel = [np.memmap(f / MEL_FILE, np.float16, "r").reshape(-1, N_MELS) for f in self.folders]
        self._wave = [np.memmap(f / WAVE_FILE, np.int16, "r") for f in self.folders]
        self._codes: list[NDArray[np.int16]] = []

    def part(self, name: str) -> tuple[Utterance, ...]:
        """The utterances for training or those that are held out."""
        return tuple(u for u in self.utterances if u.part == name)

    def mel(self, u: Utterance) -> NDArray[np.float32]:
        """``[2T, M]`` natural-log mel."""
        first = FRAMES_PER_CODE * u.start
        return self._mel[u.shard][first : first + FRAMES_PER_CODE * u.frames].astype(np.float32)

    def samples(self, u: Utterance) -> Samples:
        """``[T * 512]``; the last hop is silence."""
        raw = self._wave[u.shard][u.wave_start : u.wave_start + u.frames * CODE_SAMPLES]
        return raw.astype(np.float32) / np.float32(32767)

    def codes(self, u: Utterance) -> NDArray[np.int16]:
        """``[T, Q]``. Raises: WeightsError when the codes stage has not run."""
        if not self._codes:
            self._codes = [self._read_codes(folder) for folder in self.folders]
        return self._codes[u.shard][u.start : u.start + u.frames]

    def write_codes(self, codes: Sequence[NDArray[np.int16]]) -> None:
        """Keep the codes of all utterances, ``[T, Q]`` each, in the order of ``utterances``."""
        for shard, folder in enumerate(self.folders):
            mine = [c for c, u in zip(codes, self.utterances, strict=True) if u.shard == shard]
            temporary = folder / f"{CODE_FILE}.tmp"
            temporary.write_bytes(np.concatenate(mine).astype(np.int16).tobytes())
            temporary.replace(folder / CODE_FILE)

    def _read_index(self) -> Iterator[Utterance]:
        for shard, folder in enumerate(self.folders):
            for line in (folder / INDEX_FILE).read_text(encoding="utf-8").splitlines():
                fields = json.loads(line)
                fields |= {"shard": shard, "tokens": tuple(fields["tokens"]), "positions": tuple(fields["positions"])}
                yield Utterance(**fields)

    @staticmethod
    def _read_codes(folder: Path) -> NDArray[np.int16]:
        if not (folder / CODE_FILE).is_file():
            raise WeightsError(f"{folder} has no codes; make them with `python -m vivace.train codes`")
        return np.fromfile(folder / CODE_FILE, np.int16).reshape(-1, CODEBOOKS)


def hours(utterances: Iterable[Utterance]) -> float:
    """How much speech that is."""
    return sum(u.frames for u in utterances) * CODE_SAMPLES / 24_000 / 3600
