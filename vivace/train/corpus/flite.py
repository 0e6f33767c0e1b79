"""flite as a teacher: its CMU voices, through the command line, which prints when each phone ends."""

import difflib
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr

from vivace.errors import SettingsError
from vivace.models.chattts.text import word_tokens
from vivace.train.corpus.recording import SAMPLE_RATE, Anchor, Recording, trimmed
from vivace.types import Word

REDUCED = {"ax": "ah"}  # flite's name of the reduced vowel, and the dictionary's


def _spelling(words: Sequence[Word]) -> str:
    text = ""
    for word in words:
        text += (" " if text and word.kind != "punct" else "") + word.text
    return text


class Flite:
    """One of the voices that are compiled into flite: ``slt``, ``rms``, ``awb``, ``kal16``."""

    languages: tuple[str, ...] = ("en",)

    def __init__(self, voice: str) -> None:
        self._voice = voice

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> Recording | None:
        with tempfile.TemporaryDirectory(prefix="flite-") as folder:
            path = Path(folder) / "speech.wav"
            command = ["flite", "-voice", self._voice, "--setf", f"duration_stretch={1 / pace:.4f}", "-psdur"]
            command += ["-t", _spelling(words), "-o", str(path)]
            try:
                printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            except FileNotFoundError as exc:
                raise SettingsError("flite is not installed: `apt install flite`") from exc
            except subprocess.CalledProcessError:
                return None
            with wave.open(str(path)) as file:
                rate, raw = file.getframerate(), file.readframes(file.getnframes())
        samples = np.frombuffer(raw, np.int16).astype(np.float32) / np.float32(32768)
        if not len(samples):
            return None
        resampled = soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32)
        tokens = [token for word in words for token in word_tokens(word)]
        return trimmed(Recording(resampled, phone_anchors(tokens, printed)))


def phone_anchors(tokens: Sequence[str], printed: str) -> tuple[Anchor, ...]:
    """Where our tokens and flite's phones agree, the phone's begin is the token's.

    Args:
        printed: ``phone:end phone:end …`` in seconds.
    """
    segments = [(name, float(end)) for name, _, end in (part.partition(":") for part in printed.split()) if end]
    ours = [token.rstrip("012").lower() if token[0].isalpha() else "pau" for token in tokens]
    theirs = [REDUCED.get(name, name) for name, _ in segments]
    anchors = []
    for block in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            at = block.b + offset
            anchors.append(Anchor(segments[at - 1][1] if at else 0.0, block.a + offset))
    return tuple(anchors)
