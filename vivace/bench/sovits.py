"""``vivace bench sovits``: GPT-SoVITS at its published sizes: loading, the reference path, every stage of S2.

The weights are random, which do the same arithmetic as trained ones.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from vivace.bench.report import Machine, PeakMemory, as_json, machine_of
from vivace.models.gpt_sovits.checkpoint.parts import GPTSoVITSParts, load_gpt_sovits
from vivace.models.gpt_sovits.family import STEPS, GPTSoVITSFamily
from vivace.models.gpt_sovits.frame_stage import GPTSoVITSFrameStage
from vivace.models.gpt_sovits.random_weights import write_random_gpt_sovits
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.decode import DecodeContext
from vivace.models.gpt_sovits.s2.flow_matching import solve
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.model import CODES_PER_SECOND, MAX_CODES
from vivace.runtime.device import pick_device
from vivace.types import FramePrecisionChoice, PrecisionChoice

# Q codes, X phones, N samples


TRANSCRIPT = "你好，今天天气不错，我们出去走走吧。"
RECORDING_RATE = 32_000
PHONES_PER_SECOND = 10


@dataclass(frozen=True)
class PartRun:
    """Something to time."""

    name: str
    run: Callable[[], object]
    audio_s: float | None  # seconds of speech it makes; None: once per voice
    times: int = 1  # that one piece of speech needs it


def part_runs(parts: GPTSoVITSParts, seconds: float, recording_s: float) -> Iterator[PartRun]:
    """The reference path, the stages of S2 on ``seconds`` of speech, and all of S2 whole and in chunks."""
    stages = GPTSoVITSFamily(parts)
    recording = (0.1 * np.sin(np.arange(int(recording_s * RECORDING_RATE)) * 0.03)).astype(np.float32)
    voice = stages.encode_reference([(recording, RECORDING_RATE)], TRANSCRIPT)
    yield PartRun("reference", lambda: stages.encode_reference([(recording, RECORDING_RATE)], TRANSCRIPT), None)
    codes = (torch.arange(round(CODES_PER_SECOND * seconds)) * 7 % 1024).to(parts.device)
    phones = (torch.arange(max(1, round(PHONES_PER_SECOND * seconds))) % 300).to(parts.device)
    said = DecodeContext(phones, stages.conditioning(voice), 0, STEPS.get(parts.version, 1))
    runs = (
        _vits(parts.s2, codes[None], said) if isinstance(parts.s2, VitsModel) else _matching(parts, codes[None], said)
    )
    for name, run, times in runs:
        yield PartRun(name, run, seconds, times)
    if isinstance(parts.s2, VitsModel):  # with v3 and v4, flow matching is nearly all of it, and takes minutes on a CPU
        yield PartRun("all, whole", partial(GPTSoVITSFrameStage(parts, lookahead=MAX_CODES).wave, codes, said), seconds)
        yield PartRun("all, in chunks", partial(GPTSoVITSFrameStage(parts).wave, codes, said), seconds)


def _vits(s2: VitsModel, codes: torch.Tensor, said: DecodeContext) -> Iterator[tuple[str, Callable[[], object], int]]:
    style = s2.style_of(said.voice.style)
    prior = s2.prior(s2.hidden(codes, said.phones[None], style))
    latent = s2.flow.inverse(prior.mean, style.decoder)
    yield "encoder", lambda: s2.prior(s2.hidden(codes, said.phones[None], style)), 1
    yield "flow", lambda: s2.flow.inverse(prior.mean, style.decoder), 1
    yield "decoder", lambda: s2.dec(latent, style.decoder), 1


def _matching(
    parts: GPTSoVITSParts, codes: torch.Tensor, said: DecodeContext
) -> Iterator[tuple[str, Callable[[], object], int]]:
    s2, timbre, vocoder = parts.s2, said.voice, parts.vocoder
    assert isinstance(s2, FlowMatchingModel), "the other versions have no flow matching"
    assert timbre.mel is not None, "a voice of v3 and v4 has a mel"
    assert timbre.condition is not None, "a voice of v3 and v4 has condition frames"
    assert vocoder is not None, "v3 and v4 have a vocoder"
    speech = s2.condition(codes, said.phones[None], timbre.style)
    frames = min(timbre.mel.shape[2], timbre.condition.shape[2], s2.version.reference_frames)
    prompt = timbre.mel[:, :, :frames]
    condition = torch.cat((timbre.condition[:, :, :frames], speech), dim=2)
    noise = torch.randn(1, prompt.shape[1], condition.shape[2], device=speech.device)
    mel = torch.zeros(1, prompt.shape[1], speech.shape[2], device=speech.device)
    yield "encoder", lambda: s2.condition(codes, said.phones[None], timbre.style), 1
    yield f"flow matching, {said.steps} steps", lambda: solve(s2.estimator, condition, prompt, noise, 1), said.steps
    yield "vocoder", lambda: vocoder(mel), 1


VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4")
HEADER = ("version", "part", "seconds", "CPU s", "CPU s per s of speech", "x real time", "peak MB")


@dataclass(frozen=True)
class SoVITSPlan:
    """Settings of one run of the benchmark."""

    versions: tuple[str, ...] = VERSIONS
    seconds: float = 4.0  # of speech
    recording_s: float = 5.0  # of the voice's recording
    repeats: int = 3
    precision: PrecisionChoice = "auto"  # of S1's matrices
    sound_precision: FramePrecisionChoice = "auto"  # of most products of S2 and the vocoder
    device: str = "cpu"
    threads: int | None = None


@dataclass(frozen=True)
class SoVITSFigure:
    """One part of one version."""

    version: str
    part: str
    seconds: float  # median; of flow matching, one step by the number of steps
    cpu_s: float  # of the processor, all threads; other work on the machine changes it little
    audio_s: float | None  # speech that was made meanwhile; None: once per model or voice
    peak_mb: float | None  # above what was there before


@dataclass(frozen=True)
class SoVITSReport:
    """All figures, and where they were taken."""

    machine: Machine
    sound_precision: str  # as it was asked for
    recording_s: float
    figures: tuple[SoVITSFigure, ...]


def measure(plan: SoVITSPlan, note: Callable[[str], None] = lambda line: None) -> SoVITSReport:
    """Run all that is asked for. Raises: DeviceError when the device is not there."""
    device = pick_device(plan.device)
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    figures: list[SoVITSFigure] = []
    for version in plan.versions:
        figures += _of_version(version, plan, device, note)
    return SoVITSReport(machine_of(str(device)), plan.sound_precision, plan.recording_s, tuple(figures))


@torch.inference_mode()
def _of_version(
    version: str, plan: SoVITSPlan, device: torch.device, note: Callable[[str], None]
) -> list[SoVITSFigure]:
    with tempfile.TemporaryDirectory() as folder:
        note(f"{version}: writing random weights")
        root = write_random_gpt_sovits(Path(folder) / version, version)
        note(f"{version}: loading")
        with PeakMemory(device) as peak:
            clock = _Clock(device)
            parts = load_gpt_sovits(root, device=device, precision=plan.precision, sound_precision=plan.sound_precision)
            taken = clock.read()
    figures = [SoVITSFigure(version, "load", *taken, None, _megabytes(peak.bytes))]
    for part in part_runs(parts, plan.seconds, plan.recording_s):
        note(f"{version}: {part.name}")
        taken, most = _timed(part, plan.repeats, device)
        figures.append(SoVITSFigure(version, part.name, *taken, part.audio_s, _megabytes(most)))
    return figures


class _Clock:
    """Seconds, and seconds of the processor, since it was made."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._started, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)
        return time.perf_counter() - self._started, time.process_time() - self._cpu


def _timed(part: PartRun, repeats: int, device: torch.device) -> tuple[tuple[float, float], int | None]:
    """Seconds and peak memory; the first run, whose memory is looked at, is not timed."""
    with PeakMemory(device) as peak:
        part.run()
    taken = []
    for _ in range(repeats):
        clock = _Clock(device)
        part.run()
        taken.append(clock.read())
    seconds, cpu = (part.times * statistics.median(times) for times in zip(*taken, strict=True))
    return (seconds, cpu), peak.bytes


def _megabytes(count: int | None) -> float | None:
    return None if count is None else count / 1e6


def table(report: SoVITSReport) -> list[tuple[str, ...]]:
    """One row per figure, under ``HEADER``."""
    return [
        (
            row.version,
            row.part,
            f"{row.seconds:.3f}",
            f"{row.cpu_s:.3f}",
            "" if row.audio_s is None else f"{row.cpu_s / row.audio_s:.4f}",
            "" if row.audio_s is None else f"{row.audio_s / row.seconds:,.2f}",
            "" if row.peak_mb is None else f"{row.peak_mb:,.0f}",
        )
        for row in report.figures
    ]


def caption(report: SoVITSReport) -> str:
    """The subject and the conditions of the table, in one line."""
    return (
        f"random weights, S2 in {report.sound_precision}; a recording of {report.recording_s:g} s; "
        f"{report.machine}; load and reference: once per model and voice"
    )


def json_line(report: SoVITSReport) -> str:
    """The report as one line of JSON."""
    return as_json(report)
