"""The parts of GPT-SoVITS' S2 one by one, as they can be timed: what each makes of random codes."""

# Q codes, X phones, N samples

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from vivace.models.gpt_sovits.checkpoint.parts import GPTSoVITSParts
from vivace.models.gpt_sovits.family import STEPS, GPTSoVITSFamily
from vivace.models.gpt_sovits.frame_stage import GPTSoVITSFrameStage
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.decode import DecodeContext
from vivace.models.gpt_sovits.s2.flow_matching import solve
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.model import CODES_PER_SECOND, MAX_CODES

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
    style = s2.style_of(said.timbre.style)
    prior = s2.prior(s2.hidden(codes, said.phones[None], style))
    latent = s2.flow.inverse(prior.mean, style.decoder)
    yield "encoder", lambda: s2.prior(s2.hidden(codes, said.phones[None], style)), 1
    yield "flow", lambda: s2.flow.inverse(prior.mean, style.decoder), 1
    yield "decoder", lambda: s2.dec(latent, style.decoder), 1


def _matching(
    parts: GPTSoVITSParts, codes: torch.Tensor, said: DecodeContext
) -> Iterator[tuple[str, Callable[[], object], int]]:
    s2, timbre, vocoder = parts.s2, said.timbre, parts.vocoder
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
