"""Whether control tags do what they say: speeds change the rate, breaks are pauses, joins do not click."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from vivace.train.corpus.prosody import PAUSES_S
from vivace.train.corpus.recording import Samples
from vivace.train.evaluation.acoustics import click, pause_s
from vivace.train.evaluation.score import Row

Say = Callable[[str], Samples]  # one voice: text to [N] at 24 kHz
Stream = Callable[[str], Iterable[Samples]]  # the same, piece by piece


def with_break(text: str, tag: str) -> str:
    """``text`` with ``tag`` in its middle: before a word of English, before any character of Chinese."""
    places = [i + 1 for i, c in enumerate(text) if c == " "] or list(range(1, len(text) - 1))
    at = places[len(places) // 2]
    return text[:at] + tag + text[at:]


def manner(voice: str, language: str, say: Say, stream: Stream, texts: Sequence[str]) -> Row:
    """Durations by speed tag against ``[speed_5]``, seconds of silence by break tag, the largest step at a join."""
    lengths = [np.array([len(say(f"[speed_{n}]{text}")) for text in texts]) for n in range(10)]
    rates = [float(np.mean(lengths[5] / length)) for length in lengths]
    short, long = (float(np.mean([pause_s(say(with_break(text, tag))) for text in texts])) for tag in PAUSES_S)
    parts = list(stream(" ".join(texts)))
    joins = np.cumsum([len(part) for part in parts])[:-1]
    return {
        "voice": voice,
        "language": language,
        **{f"rate_{n}": round(rate, 2) for n, rate in enumerate(rates)},
        "pause_none_s": round(float(np.mean([pause_s(say(text)) for text in texts])), 2),
        "pause_uv_s": round(short, 2),
        "pause_l_s": round(long, 2),
        "join_step": round(click(np.concatenate(parts), [int(j) for j in joins]), 4),
    }
