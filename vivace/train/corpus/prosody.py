"""How a teacher says what its text asks for besides words: a pace, pauses, questions that rise."""

from collections.abc import Iterator, Sequence

import numpy as np

from vivace.models.chattts.text import pace_of, word_tokens
from vivace.train.corpus.pitch import risen
from vivace.train.corpus.recording import SAMPLE_RATE, Anchor, Recording, Teacher, joined
from vivace.types import Word

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


def perform(teacher: Teacher, words: Sequence[Word]) -> Recording | None:
    """``words`` with their tags: at the pace of a ``[speed_n]``, silent at breaks, questions with a rising end.

    Token numbers of the anchors count the tags as well. None when the teacher makes no sound of the words.
    """
    starts = [int(n) for n in np.cumsum([0, *(len(word_tokens(word)) for word in words)])]
    pace = next((PACES[word.text] for word in words if word.text in PACES), 1.0)
    parts: list[Recording] = []
    for run, pause_s in runs(words):
        said = [words[i] for i in run]
        if any(word.kind in ("zh", "en") for word in said):
            part = _say(teacher, said, pace)
            if part is None:
                return None
            first, last = starts[run[0]], starts[run[-1] + 1]
            inside = (Anchor(a.seconds, a.token + first) for a in part.anchors)
            parts.append(Recording(part.samples, (Anchor(0.0, first), *inside, Anchor(part.seconds, last))))
        if parts:
            parts[-1] = followed_by(parts[-1], pause_s / pace)
    return joined(parts, 0.0) if parts else None


def followed_by(recording: Recording, silence_s: float) -> Recording:
    """``recording`` with silence behind it."""
    silence = np.zeros(int(silence_s * SAMPLE_RATE), np.float32)
    return Recording(np.concatenate((recording.samples, silence)), recording.anchors)


def _say(teacher: Teacher, words: list[Word], pace: float) -> Recording | None:
    """One run; without a mark at its end it goes on, so its pitch must not fall as at the end of a sentence."""
    recording = teacher.speak(words if words[-1].kind == "punct" else [*words, COMMA], pace)
    if recording is None or words[-1].text != "?":
        return recording
    language = [word.kind for word in words if word.kind in RISES][-1]
    return Recording(risen(recording.samples, RISES[language]), recording.anchors)
