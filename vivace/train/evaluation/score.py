"""The scores of one voice in one language, sentence by sentence, and an HTML page of its recordings."""

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from vivace.audio.files import write_audio
from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.corpus.prosody import PAUSES_S, end_rise, pitch_track
from vivace.train.corpus.recording import SAMPLE_RATE, AlignedRecording, Samples, leveled, loudness
from vivace.train.evaluation.hearing import (
    PhoneScore,
    Tally,
    WordRecognizer,
    cepstra,
    click,
    clipped,
    mel_cepstral_distance,
    pause_s,
    pitch_correlation,
    silence_db,
    warp,
)
from vivace.train.preset import MEL_FLOOR
from vivace.train.recognizer import Recognizer
from vivace.types import SpokenLanguage, Word

Say = Callable[[str], Samples]  # one voice: text to [N] at 24 kHz
Stream = Callable[[str], Iterable[Samples]]  # the same, piece by piece


def with_break(text: str, tag: str) -> str:
    """``text`` with ``tag`` in its middle: before a word of English, before any character of Chinese."""
    places = [i + 1 for i, c in enumerate(text) if c == " "] or list(range(1, len(text) - 1))
    at = places[len(places) // 2]
    return text[:at] + tag + text[at:]


SHORTEST, LONGEST = 0.6, 1.6  # of the teacher's duration: a speech that ended in time
SHORT_S = 0.4  # a speech of one short word may be this much longer than the teacher's, whatever the ratio
Row = dict[str, str | float | None]


@dataclass
class Judges:
    """The recognizers that score a voice; without a phone recognizer its columns stay empty."""

    words: WordRecognizer
    phones: Recognizer | None = None


@dataclass
class SpokenSentence:
    """A synthesized speech and what it cost."""

    samples: Samples
    stopped: bool
    work_s: float  # wall clock
    cpu_s: float  # of all threads: what the machine did, however busy it was with other things
    retries: int = 0  # pieces that were spoken again


@dataclass(frozen=True)
class SpeechFinding:
    """Results of one sentence."""

    text: str
    length: float  # against the teacher's
    in_time: bool
    retries: int
    words_wrong: int | None  # None: no word recognizer
    phones_wrong: int | None
    faults: tuple[str, ...]  # words left out or said twice


@dataclass
class Score:
    """Results of one voice in one language; ``teacher_…`` columns are of its teacher's recordings."""

    voice: str
    language: SpokenLanguage
    words: Tally = field(default_factory=Tally)
    teacher_words: Tally = field(default_factory=Tally)
    phones: PhoneScore = field(default_factory=PhoneScore.empty)
    teacher_phones: PhoneScore = field(default_factory=PhoneScore.empty)
    distances: list[float] = field(default_factory=list)
    pitches: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)  # against the teacher's
    silences: list[float] = field(default_factory=list)  # dB, where there is a pause
    question_rises: list[float] = field(default_factory=list)  # semitones
    statement_rises: list[float] = field(default_factory=list)
    speeches: list[Samples] = field(default_factory=list)
    findings: list[SpeechFinding] = field(default_factory=list)
    in_time: int = 0
    retries: int = 0
    work_s: float = 0.0
    cpu_s: float = 0.0

    def add(
        self, text: str, words: Sequence[Word], own: SpokenSentence, teacher: AlignedRecording, judges: Judges
    ) -> None:
        """One sentence, of ``words``; ``teacher`` as it was recorded."""
        wanted = leveled(teacher.samples)
        seconds = len(own.samples) / 24_000
        in_time = SHORTEST <= seconds / teacher.seconds <= LONGEST or abs(seconds - teacher.seconds) <= SHORT_S
        self.in_time += own.stopped and in_time
        self.retries += own.retries
        self.work_s += own.work_s
        self.cpu_s += own.cpu_s
        self.speeches.append(own.samples)
        self.lengths.append(seconds / teacher.seconds)
        path = warp(cepstra(own.samples), cepstra(wanted))
        self.distances.append(mel_cepstral_distance(path))
        track = pitch_track(own.samples)[0]
        if (correlation := pitch_correlation(track, pitch_track(wanted)[0], path)) is not None:
            self.pitches.append(correlation)
        (self.question_rises if words[-1].text == "?" else self.statement_rises).append(end_rise(track))
        if (level := silence_db(own.samples)) < 0:
            self.silences.append(level)
        words_before, phones_before = self.words.errors, self.phones.phones.errors
        faults = self._listen(words, own.samples, wanted, judges)
        self.findings.append(
            SpeechFinding(
                text,
                round(self.lengths[-1], 3),
                own.stopped and in_time,
                own.retries,
                self.words.errors - words_before if self.language == "en" else None,
                None if judges.phones is None else self.phones.phones.errors - phones_before,
                tuple(faults),
            )
        )

    def _listen(self, words: Sequence[Word], own: Samples, wanted: Samples, judges: Judges) -> list[str]:
        if self.language == "en":
            spoken = [word.text.lower() for word in words if word.kind == "en"]
            self.words.add(spoken, judges.words.words(own))
            self.teacher_words.add(spoken, judges.words.words(wanted))
        if judges.phones is None:
            return []
        self.teacher_phones.add(words, judges.phones.hear(wanted))
        return self.phones.add(words, judges.phones.hear(leveled(own)))

    def row(self) -> Row:
        """All figures, rounded; None where a figure was not taken."""
        english, heard = self.language == "en", self.phones.phones.total > 0
        own, teacher = self.phones, self.teacher_phones
        audio_s = sum(len(s) for s in self.speeches) / 24_000

        def ratio(a: Tally, b: Tally) -> float | None:
            return round(a.rate / b.rate, 2) if a.total and b.errors else None

        return {
            "voice": self.voice,
            "language": self.language,
            "sentences": len(self.speeches),
            "wer_teacher": round(self.teacher_words.rate, 4) if english else None,
            "wer": round(self.words.rate, 4) if english else None,
            "wer_ratio": ratio(self.words, self.teacher_words),
            "per_teacher": round(teacher.phones.rate, 4) if heard else None,
            "per": round(own.phones.rate, 4) if heard else None,
            "per_ratio": ratio(own.phones, teacher.phones),
            "ter_teacher": round(teacher.tones.rate, 4) if own.tones.total else None,
            "ter": round(own.tones.rate, 4) if own.tones.total else None,
            "ter_ratio": ratio(own.tones, teacher.tones),
            "faulty_teacher": teacher.faulty if heard else None,
            "faulty": own.faulty if heard else None,
            "in_time": self.in_time,
            "retries": self.retries,
            "mcd": round(float(np.mean(self.distances)), 2),
            "pitch_corr": round(float(np.mean(self.pitches)), 2) if self.pitches else None,
            "length": round(float(np.mean(self.lengths)), 3),
            "rise_question": round(float(np.mean(self.question_rises)), 1) if self.question_rises else None,
            "rise_statement": round(float(np.mean(self.statement_rises)), 1) if self.statement_rises else None,
            "lufs": round(loudness(np.concatenate(self.speeches)), 2),
            "peak": round(max(float(np.abs(s).max()) for s in self.speeches), 3),
            "clipped": sum(clipped(s) for s in self.speeches),
            "silence_db": round(float(np.median(self.silences)), 1) if self.silences else None,
            "rtf": round(self.work_s / audio_s, 3),
            "cpu_rtf": round(self.cpu_s / audio_s, 3),
        }


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


# N samples, F frames, M mel bins


STYLE = "body{font-family:sans-serif;max-width:70em;margin:2em auto}img{display:block;height:120px}table{font-size:80%}"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One sentence by a voice and by its teacher."""

    voice: str
    language: str
    text: str
    samples: Samples  # [N] at 24 kHz
    teacher: Samples


def write_picture(path: Path, samples: Samples) -> None:
    """The mel spectrogram of ``[N]`` as a PNG, low frequencies below, three pixels a frame's width."""
    from PIL import Image

    mel = log_mel(torch.from_numpy(np.ascontiguousarray(samples))[None], MEL)[0].clamp(MEL_FLOOR, 1.0).numpy()
    gray = (255 * (mel - MEL_FLOOR) / (1.0 - MEL_FLOOR)).astype(np.uint8)[::-1]  # [M, F]
    Image.fromarray(gray).save(path)


def write_page(folder: Path, exhibits: Sequence[Exhibit], rows: Sequence[Row]) -> None:
    """``folder/index.html`` with its pictures and recordings beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Voices</title><style>{STYLE}</style><h1>Voices</h1>",
        _table(rows),
    ]
    heading = ""
    for number, shown in enumerate(exhibits):
        if heading != (heading := f"{shown.voice}, {shown.language}"):
            parts.append(f"<h2>{heading}</h2>")
        parts.append(f"<h3>{html.escape(shown.text)}</h3>")
        for who, samples in (("voice", shown.samples), ("teacher", leveled(shown.teacher))):
            name = f"{number:03}-{who}"
            write_picture(folder / f"{name}.png", samples)
            write_audio(folder / f"{name}.ogg", samples, SAMPLE_RATE)
            parts.append(f"<p>{who}<img src={name}.png><audio controls preload=none src={name}.ogg></audio></p>")
    (folder / "index.html").write_text("\n".join(parts) + "\n", encoding="utf-8")


def _table(rows: Sequence[Row]) -> str:
    lines = ("".join(f"<td>{'' if row[name] is None else row[name]}" for row in rows) for name in rows[0])
    return (
        "<table>" + "".join(f"<tr><th>{name}{cells}" for name, cells in zip(rows[0], lines, strict=True)) + "</table>"
    )
