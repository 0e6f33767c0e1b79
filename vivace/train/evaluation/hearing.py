"""Measures of speech: errors of recognized words and phones, mel cepstra, time alignment, pitch, clicks."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.models.chattts.text import word_tokens
from vivace.train.corpus.prosody import FRAME_S as PITCH_FRAME_S
from vivace.train.corpus.prosody import Track
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.preset import MEL_FLOOR
from vivace.train.recognizer import spoken_labels, tones, without_tone
from vivace.types import Word

# N samples, F frames


def aligned(wanted: Sequence[Hashable], heard: Sequence[Hashable]) -> list[tuple[int | None, int | None]]:
    """Pairs of positions in ``wanted`` and ``heard``; None where an item was left out or inserted."""
    pairs: list[tuple[int | None, int | None]] = []
    for code in Levenshtein.opcodes(wanted, heard):
        left, right = range(code.src_start, code.src_end), range(code.dest_start, code.dest_end)
        if code.tag in ("equal", "replace"):
            pairs += zip(left, right, strict=True)
        else:
            pairs += [(i, None) for i in left] + [(None, j) for j in right]
    return pairs


CEPSTRA = 13
FRAME_S = 2 * MEL.hop / MEL.sample_rate  # every second mel frame


class Path(NamedTuple):
    """Frames of two speeches that belong together, and how far apart they are on average."""

    pairs: tuple[tuple[int, int], ...]
    distance: float


def cepstra(samples: Samples) -> NDArray[np.float32]:
    """``[N]`` at 24 kHz -> coefficients 1 to 13 of every second frame, ``[F, CEPSTRA]``."""
    mel = log_mel(torch.from_numpy(np.ascontiguousarray(samples))[None], MEL)[0].T[::2].clamp_min(MEL_FLOOR).numpy()
    bins = mel.shape[1]
    order, place = np.arange(1, CEPSTRA + 1)[:, None], np.arange(bins)[None] + 0.5
    basis = np.sqrt(2 / bins) * np.cos(np.pi * order * place / bins)  # DCT-II, orthonormal
    found: NDArray[np.float32] = (mel @ basis.T / np.sqrt(bins / 2)).astype(np.float32)
    return found


def warp(x: NDArray[np.float32], y: NDArray[np.float32]) -> Path:
    """The alignment of ``[F1, K]`` and ``[F2, K]`` with the least total distance, every frame of both in it."""
    cost = np.sqrt(np.square(x[:, None] - y[None]).sum(-1)).tolist()
    columns = len(y)
    best = [0.0] + [float("inf")] * columns
    came: list[list[int]] = []  # per cell: 0 from both before, 1 from the row before, 2 from the column before
    for i in range(len(x)):
        row, here = [float("inf")], []
        for j in range(columns):
            options = (best[j], best[j + 1], row[j])
            which = min(range(3), key=options.__getitem__)
            row.append(options[which] + cost[i][j])
            here.append(which)
        best = row
        came.append(here)
    i, j = len(x) - 1, columns - 1
    pairs = []
    while i >= 0 and j >= 0:
        pairs.append((i, j))
        which = came[i][j]
        i, j = i - (which != 2), j - (which != 1)
    return Path(tuple(reversed(pairs)), best[-1] / len(pairs))


def mel_cepstral_distance(path: Path) -> float:
    """The distance in the usual decibel-like unit. Source: Kubichek, 1993, doi:10.1109/PACRIM.1993.407206."""
    return float(10 / np.log(10) * np.sqrt(2) * path.distance)


class WordRecognizer:
    """English words of a recording, by pocketsphinx with its own US English model."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=16_000, loglevel="FATAL")

    def words(self, samples: Samples) -> list[str]:
        """``[N]`` at 24 kHz."""
        speech = soxr.resample(samples, SAMPLE_RATE, 16_000)
        speech = np.pad(speech, 4800)  # 0.3 s of silence on both sides
        speech *= 0.6 / max(float(np.abs(speech).max()), 1e-4)
        self._decoder.start_utt()
        self._decoder.process_raw((speech * 32767).astype(np.int16).tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return re.sub(r"\(\d\)", "", found.hypstr).split() if found else []


@dataclass
class Tally:
    """Errors among so many."""

    errors: int = 0
    total: int = 0

    def add(self, wanted: Sequence[str], heard: Sequence[str]) -> None:
        self.errors += Levenshtein.distance(wanted, heard)
        self.total += len(wanted)

    @property
    def rate(self) -> float:
        return self.errors / max(self.total, 1)


@dataclass
class PhoneScore:
    """Phone errors of several speeches, counted by a phone recognizer."""

    phones: Tally
    tones: Tally
    faulty: int = 0  # speeches with a word left out or said twice

    @classmethod
    def empty(cls) -> "PhoneScore":
        return cls(Tally(), Tally())

    def add(self, words: Sequence[Word], heard: Sequence[str]) -> list[str]:
        """One speech of ``words``, of which the labels ``heard`` were recognized. Returns: ``skipped_or_repeated``."""
        wanted = [name for word in words for name in spoken_labels(word_tokens(word))]
        self.phones.add([without_tone(n) for n in wanted], [without_tone(n) for n in heard])
        self.tones.add(tones(wanted), tones(heard))
        faults = skipped_or_repeated(words, heard)
        self.faulty += bool(faults)
        return faults


def skipped_or_repeated(words: Sequence[Word], heard: Sequence[str]) -> list[str]:
    """Words none of whose sounds was heard, and words heard twice in a row.

    Words of one sound are not judged: a recognizer drops them of its own. A word is repeated when between two words
    stands what sounds like one of them: as many sounds, at least three, and four fifths of them the same.
    """
    units = [[without_tone(n) for n in spoken_labels(word_tokens(word))] for word in words if word.kind in ("zh", "en")]
    wanted = [(w, name) for w, unit in enumerate(units) for name in unit]
    sounds = [without_tone(n) for n in heard]
    pairs = aligned([name for _, name in wanted], sounds)
    found = []
    for w, unit in enumerate(units):
        matched = [b for a, b in pairs if a is not None and wanted[a][0] == w]
        if len(unit) > 1 and all(b is None for b in matched):
            found.append(f"skipped {' '.join(unit)}")
    spare: list[int] = []
    last_word = -1
    for a, b in [*pairs, (len(wanted), None)]:
        if a is None and b is not None:
            spare.append(b)
            continue
        next_word = wanted[a][0] if a is not None and a < len(wanted) else len(units)
        extra = [sounds[b] for b in spare]
        for unit in (units[w] for w in {last_word, next_word} if 0 <= w < len(units)):
            if len(unit) >= 3 and len(extra) >= len(unit) - 1 and Levenshtein.distance(unit, extra) <= len(unit) // 5:
                found.append(f"repeated {' '.join(unit)}")
        spare, last_word = [], next_word
    return found


WINDOW = SAMPLE_RATE // 50  # 20 ms


def pitch_correlation(own: Track, teacher: Track, path: Path) -> float | None:
    """Correlation of log pitch over aligned frames that are voiced in both; None for fewer than ten of them."""
    a, b = [], []
    for i, j in path.pairs:
        x = own[min(round(i * FRAME_S / PITCH_FRAME_S), len(own) - 1)]
        y = teacher[min(round(j * FRAME_S / PITCH_FRAME_S), len(teacher) - 1)]
        if x > 0 and y > 0:
            a.append(np.log(x))
            b.append(np.log(y))
    if len(a) < 10 or np.std(a) == 0 or np.std(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def level_db(samples: Samples) -> float:
    """Root mean square against full scale, at least -120."""
    return float(10 * np.log10(max(float(np.mean(np.square(samples, dtype=np.float64))), 1e-12)))


def windows(samples: Samples) -> list[Samples]:
    """Stretches of 20 ms."""
    return [samples[i : i + WINDOW] for i in range(0, len(samples) - WINDOW + 1, WINDOW)]


def pause_s(samples: Samples, threshold_db: float = -45.0) -> float:
    """Length of the longest silence inside a speech, in seconds, to 20 ms."""
    quiet = [level_db(w) < threshold_db for w in windows(samples)]
    if False not in quiet:
        return 0.0
    inside = quiet[quiet.index(False) : len(quiet) - quiet[::-1].index(False)]
    longest = run = 0
    for silent in inside:
        run = run + 1 if silent else 0
        longest = max(longest, run)
    return longest * WINDOW / SAMPLE_RATE


def silence_db(samples: Samples) -> float:
    """Level of the middle of the longest silence inside a speech; 0 when it has none of 60 ms."""
    parts = windows(samples)
    quiet = [level_db(w) < -45.0 for w in parts]
    runs: list[list[int]] = [[]]
    for i, silent in enumerate(quiet):
        if silent:
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    inside = [run for run in runs if len(run) >= 3 and run[0] > 0 and run[-1] < len(parts) - 1]
    if not inside:
        return 0.0
    longest = max(inside, key=len)
    middle = longest[len(longest) // 3 : max(len(longest) // 3 + 1, 2 * len(longest) // 3)]
    return level_db(np.concatenate([parts[i] for i in middle]))


def click(samples: Samples, joins: Sequence[int]) -> float:
    """The largest step between neighboring samples within 2 ms of a join, against full scale."""
    reach = SAMPLE_RATE // 500
    steps = np.abs(np.diff(samples, prepend=samples[:1]))
    return max((float(steps[max(0, at - reach) : at + reach].max(initial=0.0)) for at in joins), default=0.0)


def clipped(samples: Samples) -> int:
    """Samples at full scale."""
    return int((np.abs(samples) >= 0.999).sum())
