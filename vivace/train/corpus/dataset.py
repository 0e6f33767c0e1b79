"""A corpus on disk (text, phones, mel, wave, code per frame), and the vocabulary of phones with its tokenizer file."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivace.errors import WeightsError
from vivace.train.corpus.recording import CODE_SAMPLES, Samples

MARKS = tuple(",.?!;:")
VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"  # ARPAbet, each with stress 0, 1, 2
CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
INITIALS = "zh ch sh b p m f d t n l g k h j q x r z c s y w"
# Pinyin finals as they are written behind an initial (v is ü), each with tone 1 to 5.
FINALS = (
    "a ai an ang ao e ei en eng er i ia ian iang iao ie in ing iong iu o ong ou u ua uai uan uang ue ui un uo "
    "v ve van vn"
)
PAD, UNKNOWN = "[PAD]", "[UNK]"
STRUCTURE = ("[Stts]", "[spk_emb]", "[empty_spk]", "[Ptts]", "[Sbreak]", "[Pbreak]", "[Ebreak]")
TAGS = ("[uv_break]", "[lbreak]", "[laugh]", *(f"[speed_{n}]" for n in range(10)))


def phone_tokens() -> tuple[str, ...]:
    """Every token that speech is written in: marks, ARPAbet with stress, pinyin initials and finals with tone."""
    arpabet = sorted([f"{vowel}{stress}" for vowel in VOWELS.split() for stress in "012"] + CONSONANTS.split())
    initials = [f"i_{initial}" for initial in INITIALS.split()]
    finals = [f"f_{final}{tone}" for final in FINALS.split() for tone in "12345"]
    return (*MARKS, *arpabet, *initials, *finals)


def vocabulary() -> tuple[str, ...]:
    """All tokens in the order of their ids; the control tokens come last."""
    return (PAD, UNKNOWN, *phone_tokens(), *STRUCTURE, *TAGS)


def write_tokenizer(path: Path) -> None:
    """Write ``tokenizer.json``: a word-level table split at spaces, control tokens added behind it."""
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    plain = (PAD, UNKNOWN, *phone_tokens())
    tokenizer = Tokenizer(WordLevel({token: i for i, token in enumerate(plain)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in (*STRUCTURE, *TAGS)])
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path), pretty=False)


# T code frames, F = 2T mel frames, Q codebooks, M mel bins


MEL_FILE, WAVE_FILE, CODE_FILE, INDEX_FILE = "mel.f16", "wave.i16", "codes.i16", "index.jsonl"
N_MELS, CODEBOOKS, FRAMES_PER_CODE = 100, 4, 2
HOP = CODE_SAMPLES // FRAMES_PER_CODE
HELD_OUT = "held out"


@dataclass(frozen=True)
class Utterance:
    """One recording: its text, its speaker, and the place of its arrays."""

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
