"""The three levels of the optimization guide, side by side: as it comes, warmed up and trimmed, everything.

Every level speaks the same texts with the same seed, without the result cache. ``shares`` are of the highest level with
one measure taken away at a time, so they say what each of them is worth where the others are there already.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vivace.bench.model_under_test import sentences
from vivace.bench.report import Machine, as_json, machine_of
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig

LENGTHS = {"short": 2, "medium": 20, "long": 35}  # sentence pieces
REQUESTS = 16  # of the throughput, all sent at once
ONE_AT_A_TIME = {"slots": 1, "prefetch_segments": 0}
FLOAT32 = {"precision": "float32", "vocoder": {"precision": "float32"}}
RECORDED = {"engine": {"graphs": False}, "vocoder": {"graphs": False}}

# What each level sets; what it leaves out is as configured. ``plain`` is what ordinary eager PyTorch does with the same
# weights and all of the machine's threads: one piece of text after the other, float32, nothing compiled or recorded,
# no warm-up. Its keys and values lie in place all the same, so it is a little better than a growing cache.
LEVELS: dict[str, dict[str, Any]] = {
    "plain": {
        "precision": "float32",
        "native_kernels": False,
        "engine": {**ONE_AT_A_TIME, "graphs": False},
        "vocoder": {"precision": "float32", "graphs": False},
    },
    "optimized": {"engine": ONE_AT_A_TIME},
    "advanced": {},
}
WITHOUT: dict[str, dict[str, Any]] = {
    "pieces and requests side by side": {"engine": ONE_AT_A_TIME},
    "fewer bits": FLOAT32,
    "compiled kernels": {"native_kernels": False},
    "recorded steps": RECORDED,
}
WARMED = {"optimized", "advanced", *WITHOUT}


@dataclass(frozen=True)
class LevelsPlan:
    """Settings of one run of the benchmark."""

    config: TTSConfig
    repeats: int = 3
    seed: int = 0
    lengths: tuple[str, ...] = tuple(LENGTHS)
    shares: bool = True


@dataclass(frozen=True)
class LevelsRow:
    """One level, or the highest without one measure."""

    name: str
    whole_s: dict[str, float]  # by length: until all of the text is spoken, the median
    first_s: float  # until the first samples of the medium text
    per_s: float  # requests per second, short ones, all at once

    @property
    def figures(self) -> tuple[float, ...]:
        """Greater is better: texts per second by length, then first audio, then throughput."""
        return (*(1 / seconds for seconds in self.whole_s.values()), 1 / self.first_s, self.per_s)


@dataclass(frozen=True)
class LevelsReport:
    """All of a run. ``levels`` are in order; ``shares`` by the name of what was taken away."""

    machine: Machine
    levels: tuple[LevelsRow, ...]
    shares: tuple[LevelsRow, ...]


def text_of(pieces: int) -> str:
    """So many sentences of English, each of which becomes a piece."""
    english = [sentence for sentence in sentences()[1::2] if len(sentence) > 30]
    return " ".join(english[:pieces])


def measure(plan: LevelsPlan, note: Callable[[str], None] = lambda line: None) -> LevelsReport:
    """Run the plan. Levels take turns with each text, so that a change of the machine's mood meets all of them."""
    wanted = {**LEVELS, **(WITHOUT if plan.shares else {})}
    with ExitStack() as stack:
        speakers: dict[str, TTS] = {}
        for name, settings in wanted.items():
            speakers[name] = stack.enter_context(TTS(config=_with(plan.config, settings)))
            if name in WARMED:
                note(f"{name}: warm-up {speakers[name].warm_up():.1f} s")
        whole: dict[str, dict[str, float]] = {name: {} for name in wanted}
        for length in plan.lengths:
            note(f"{length} text")
            text = text_of(LENGTHS[length])
            for name, seconds in _timed(speakers, plan, partial(_speak, text=text, seed=plan.seed)).items():
                whole[name][length] = seconds
        note("first audio")
        medium = text_of(LENGTHS["medium"])
        first = _timed(speakers, plan, partial(_first, text=medium, seed=plan.seed))
        note("throughput")
        short = text_of(LENGTHS["short"])
        batch = _timed(speakers, plan, partial(_crowd, text=short, seed=plan.seed))
        advanced = speakers["advanced"]
        machine = machine_of(advanced.get_performance_stats().device, advanced.family.threads)
        # Some of the models run without kernels; the last one opened may be one of these.
        machine = replace(machine, cpu_kind=advanced.family.precision.kind)
    rows = {name: LevelsRow(name, whole[name], first[name], REQUESTS / batch[name]) for name in wanted}
    return LevelsReport(
        machine, tuple(rows[name] for name in LEVELS), tuple(rows[name] for name in rows if name in WITHOUT)
    )


def _with(config: TTSConfig, settings: dict[str, Any]) -> TTSConfig:
    """``config`` with these settings, those of groups by group."""
    changed = {"cache": {"results": "off"}, **settings}
    return config.model_copy(
        update={
            name: getattr(config, name).model_copy(update=value) if isinstance(value, dict) else value
            for name, value in changed.items()
        }
    )


def _timed(speakers: dict[str, TTS], plan: LevelsPlan, work: Callable[[TTS], float]) -> dict[str, float]:
    """The median of each speaker's seconds; the speakers take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in speakers}
    for _ in range(plan.repeats):
        for name, tts in speakers.items():
            seconds[name].append(work(tts))
    return {name: statistics.median(found) for name, found in seconds.items()}


def _speak(tts: TTS, text: str, seed: int) -> float:
    started = time.perf_counter()
    tts.synthesize(text, seed=seed)
    return time.perf_counter() - started


def _first(tts: TTS, text: str, seed: int) -> float:
    started = time.perf_counter()
    chunks = tts.stream(text, seed=seed)
    next(chunks)
    seconds = time.perf_counter() - started
    chunks.close()
    return seconds


def _crowd(tts: TTS, text: str, seed: int) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(REQUESTS) as pool:
        list(pool.map(lambda number: tts.synthesize(text, seed=seed + number), range(REQUESTS)))
    return time.perf_counter() - started


def header(plan: LevelsPlan) -> tuple[str, ...]:
    """Over the columns of ``table``."""
    return ("level", *(f"{name} s" for name in plan.lengths), "first audio s", "requests/s")


def table(report: LevelsReport) -> list[tuple[str, ...]]:
    """Levels, the highest against the lowest, and what is lost without each measure."""
    rows = [_line(row) for row in report.levels]
    rows.append(("advanced / plain", *_ratios(report.levels[-1], report.levels[0])))
    rows += [(f"without {row.name}", *_ratios(row, report.levels[-1])) for row in report.shares]
    return rows


def _line(row: LevelsRow) -> tuple[str, ...]:
    return (row.name, *(f"{s:.2f}" for s in row.whole_s.values()), f"{row.first_s:.3f}", f"{row.per_s:.2f}")


def _ratios(row: LevelsRow, base: LevelsRow) -> Sequence[str]:
    return [f"x {ours / theirs:.2f}" for ours, theirs in zip(row.figures, base.figures, strict=True)]


def caption(report: LevelsReport) -> str:
    """The conditions of the table, in one line."""
    return f"embedded voice or the configured model; {report.machine}"


def json_line(report: LevelsReport) -> str:
    """The report as one line of JSON."""
    return as_json(report)
