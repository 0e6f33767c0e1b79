"""A teacher for tests: every token is a tone of its own."""

import zlib
from collections.abc import Sequence

import numpy as np

from vivace.models.chattts.text import word_tokens
from vivace.train.recording import SAMPLE_RATE, Anchor, Recording
from vivace.types import Word

TOKEN_S = 0.06


class ToneTeacher:
    """Speaks a token as ``TOKEN_S`` of a sine whose pitch is a function of its name."""

    def __init__(self, pitch: float = 1.0) -> None:
        self.languages: tuple[str, ...] = ("zh", "en")
        self._pitch = pitch

    def speak(self, words: Sequence[Word]) -> Recording | None:
        tokens = [token for word in words for token in word_tokens(word)]
        time = np.arange(int(TOKEN_S * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
        tones = [200 + zlib.crc32(token.encode()) % 2000 for token in tokens]
        if not tones:
            return None
        samples = np.concatenate([0.3 * np.sin(2 * np.pi * self._pitch * tone * time) for tone in tones])
        anchors = tuple(Anchor(i * TOKEN_S, i) for i in range(len(tokens)))
        return Recording(samples.astype(np.float32), anchors)
