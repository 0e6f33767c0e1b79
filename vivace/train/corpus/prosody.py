"""Prosody of a teacher's recordings: pitch, rising questions, pauses.

Source: WORLD, doi:10.1587/transinf.2015EDP7457.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vivace.models.chattts.text import pace_of, word_tokens
from vivace.train.corpus.recording import SAMPLE_RATE, AlignedRecording, Anchor, Samples, Teacher, joined
from vivace.types import Word

# N samples, F frames of FRAME_S


FRAME_S = 0.005
LOWEST, HIGHEST = 60.0, 420.0  # Hz
RISE_S = 0.4  # how long a question rises
MOST = 9.0  # semitones: what is farther below is no pitch but creak
Track = NDArray[np.float64]  # [F] Hz, 0 where unvoiced


def pitch_track(samples: Samples) -> tuple[Track, NDArray[np.float64]]:
    """``[N]`` at 24 kHz -> Hz and seconds of each frame, ``[F]`` both; 0 Hz where there is no voice."""
    import pyworld

    x = samples.astype(np.float64)
    coarse, times = pyworld.dio(x, SAMPLE_RATE, f0_floor=LOWEST, f0_ceil=HIGHEST, frame_period=1000 * FRAME_S)
    return pyworld.stonemask(x, coarse, times, SAMPLE_RATE), times


def end_rise(track: Track) -> float:
    """Semitones from the middle pitch of what is voiced to its last 60 ms; 0 without voice."""
    voiced = track[track > 0]
    if not len(voiced):
        return 0.0
    return float(12 * np.log2(np.median(voiced[-int(0.06 / FRAME_S) :]) / np.median(voiced)))


def risen(samples: Samples, semitones: float) -> Samples:
    """``[N]`` whose last voiced stretch rises until its end is ``semitones`` above the middle pitch.

    What comes before the rise, and speech whose end is as high already, stay as they were.
    """
    track, times = pitch_track(samples)
    lift = min(semitones - end_rise(track), MOST)
    if lift <= 0 or not (track > 0).any():
        return samples
    last = times[np.flatnonzero(track)[-1]]
    start = _quietest(samples, last - RISE_S - 0.35, last - RISE_S - 0.05)
    tail = _lifted(samples[start:], lift)
    fade = np.linspace(0, 1, min(240, len(tail)), dtype=np.float32)  # 10 ms
    tail[: len(fade)] = fade * tail[: len(fade)] + (1 - fade) * samples[start : start + len(fade)]
    return np.concatenate((samples[:start], tail))


def _quietest(samples: Samples, earliest_s: float, latest_s: float) -> int:
    """Where, between two times, 10 ms sound the least; the beginning when both lie before it."""
    first, last = int(max(0.0, earliest_s) * SAMPLE_RATE), int(max(0.0, latest_s) * SAMPLE_RATE)
    if last == 0:
        return 0
    energy = np.convolve(np.square(samples[first : last + 240]), np.ones(240, np.float32), "valid")
    return first + int(energy.argmin())


def _lifted(samples: Samples, semitones: float) -> Samples:
    """``[N]`` with the end of its voice raised."""
    import pyworld

    track, times = pitch_track(samples)
    if not (track > 0).any():
        return samples
    last = times[np.flatnonzero(track)[-1]]
    ramp = np.clip((times - last + RISE_S) / RISE_S, 0.0, 1.0)
    x = samples.astype(np.float64)
    envelope = pyworld.cheaptrick(x, track, times, SAMPLE_RATE)
    noise = pyworld.d4c(x, track, times, SAMPLE_RATE)
    lifted = track * 2.0 ** (semitones * ramp / 12)
    made = pyworld.synthesize(lifted, envelope, noise, SAMPLE_RATE, 1000 * FRAME_S)
    made = np.pad(made[: len(samples)], (0, max(0, len(samples) - len(made))))
    return made.astype(np.float32)


PACES = {tag: pace_of(tag) for tag in (f"[speed_{n}]" for n in range(10))}  # times the teacher's own pace: 0.62 to 1.46
PAUSES_S = {"[uv_break]": 0.25, "[lbreak]": 0.6}
QUESTION_GAP_S = 0.3  # behind a question that is not the end
RISES = {"en": 5.0, "zh": 3.0}  # semitones of a question; less where pitch also tells words apart
COMMA = Word(",", "punct", (",",))
Run = tuple[range, float]  # indices of words that are said in one breath, and seconds of silence behind them


def runs(words: Sequence[Word]) -> Iterator[Run]:
    """Stretches between tags and behind questions; one that has no word is only a silence."""
    start = 0
    for i, word in enumerate(words):
        if word.kind == "tag":
            yield range(start, i), PAUSES_S.get(word.text, 0.0)
            start = i + 1
        elif word.text == "?":
            yield range(start, i + 1), QUESTION_GAP_S
            start = i + 1
    yield range(start, len(words)), 0.0


def synthesize(
    teacher: Teacher, words: Sequence[Word], *, rising: bool = True, edge_s: float = 0.0
) -> AlignedRecording | None:
    """``words`` with their tags: at the pace of a ``[speed_n]``, silent at breaks, questions with a rising end.

    Token numbers of the anchors count the tags as well. None when the teacher makes no sound of the words.

    Args:
        rising: for teachers whose questions sound like statements.
        edge_s: seconds of silence that the teacher itself leaves at both ends of what it says.
    """
    starts = [int(n) for n in np.cumsum([0, *(len(word_tokens(word)) for word in words)])]
    pace = next((PACES[word.text] for word in words if word.text in PACES), 1.0)
    parts: list[AlignedRecording] = []
    for run, pause_s in runs(words):
        said = [words[i] for i in run]
        if any(word.kind in ("zh", "en") for word in said):
            part = _say(teacher, said, pace, rising)
            if part is None:
                return None
            first, last = starts[run[0]], starts[run[-1] + 1]
            inside = (Anchor(a.seconds, a.token + first) for a in part.anchors)
            parts.append(AlignedRecording(part.samples, (Anchor(0.0, first), *inside, Anchor(part.seconds, last))))
        if parts:
            parts[-1] = followed_by(parts[-1], max(0.0, pause_s / pace - 2 * edge_s))
    return joined(parts, 0.0) if parts else None


def followed_by(recording: AlignedRecording, silence_s: float) -> AlignedRecording:
    """``recording`` with silence behind it."""
    silence = np.zeros(int(silence_s * SAMPLE_RATE), np.float32)
    return AlignedRecording(np.concatenate((recording.samples, silence)), recording.anchors)


def _say(teacher: Teacher, words: list[Word], pace: float, rising: bool) -> AlignedRecording | None:
    """One run; without a mark at its end it goes on, so its pitch must not fall as at the end of a sentence."""
    recording = teacher.speak(words if words[-1].kind == "punct" else [*words, COMMA], pace)
    if recording is None or words[-1].text != "?" or not rising:
        return recording
    language = [word.kind for word in words if word.kind in RISES][-1]
    return AlignedRecording(risen(recording.samples, RISES[language]), recording.anchors)
