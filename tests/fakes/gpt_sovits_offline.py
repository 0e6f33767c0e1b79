"""The slow twin of GPT-SoVITS' streams: everything but the encoder's and the solver's windows is run whole."""

from itertools import pairwise

import torch
from torch import Tensor

from vivace.models.gpt_sovits.family import GPTSoVITSFamily
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.decode import DecodeContext
from vivace.models.gpt_sovits.s2.flow_matching import denormalized, solve
from vivace.models.gpt_sovits.s2.hidden_stream import FADE, CodeSchedule
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.s2.windows import WindowPrompt
from vivace.runtime.seed import normal_frames


def hidden_frames(
    s2: VitsModel | FlowMatchingModel, said: DecodeContext, codes: Tensor, plan: CodeSchedule
) -> list[Tensor]:
    """The slow twin of the encoder's windows: every chunk ``[1, C, T]``, cut from a window of its own."""
    style = s2.style_of(said.voice.style).encoder if isinstance(s2, VitsModel) else said.voice.style
    ends = [0]
    while ends[-1] < len(codes):
        end = plan.end(len(ends) - 1, ends[-1], len(codes), last=True)
        assert end is not None
        ends.append(end)
    chunks, tail = [], None
    for start, end in pairwise(ends):
        first = max(0, start - plan.past)
        content = s2.quantizer.decode(codes[None, first : end + plan.lookahead])
        window = s2.enc_p(content, said.phones[None], style)
        own = window[:, :, 2 * (start - first) : 2 * (end - first)].clone()
        if tail is not None:
            for i in range(min(FADE, tail.shape[2], own.shape[2])):
                share = (i + 1) / (min(FADE, tail.shape[2]) + 1)
                own[:, :, i] = share * own[:, :, i] + (1 - share) * tail[:, :, i]
        tail = window[:, :, 2 * (end - first) :]
        chunks.append(own)
    return chunks


def offline(stages: GPTSoVITSFamily, said: DecodeContext, codes: Tensor, plan: CodeSchedule) -> Tensor:
    """The slow twin: everything but the encoder's and the solver's windows is run whole."""
    s2 = stages.parts.s2
    chunks = hidden_frames(s2, said, codes, plan)
    if isinstance(s2, VitsModel):
        style = s2.style_of(said.voice.style)
        prior = s2.prior(torch.cat(chunks, dim=2))
        noise = normal_frames(said.seed, 0, prior.mean.shape[2], prior.mean.shape[1])
        return s2.wave(prior.sample(noise[None]), style)[0]
    condition = s2.wns1(s2.spread(torch.cat(chunks, dim=2)), said.voice.style)
    ready, done = [], 0
    for index, chunk in enumerate(chunks):
        done += chunk.shape[2]
        factor = s2.version.frames_per_content
        known = -(-done * factor.numerator // factor.denominator)  # mel frames, rounded up
        ready.append(condition.shape[2] if index == len(chunks) - 1 else max(0, known - s2.wave_reach))
    prompt = prompt_of(s2, said)
    noise = normal_frames(said.seed, 0, condition.shape[2], prompt.mel.shape[1])[None]
    mel, at = [], 0
    for end in ready:
        while at < end:
            stop, before = min(end, at + prompt.speech_frames), prompt.mel.shape[2]
            window = condition[:, :, at:stop]
            start = torch.cat((torch.zeros(1, noise.shape[1], before), noise[:, :, at:stop]), dim=2)
            made = solve(s2.estimator, torch.cat((prompt.condition, window), dim=2), prompt.mel, start, said.steps)
            mel.append(made[:, :, before:])
            prompt = prompt.after(window, mel[-1])
            at = stop
    assert stages.parts.vocoder is not None
    return stages.parts.vocoder(denormalized(torch.cat(mel, dim=2)))[0]


def prompt_of(s2: FlowMatchingModel, said: DecodeContext) -> WindowPrompt:
    assert said.voice.condition is not None
    assert said.voice.mel is not None
    version = s2.version
    return WindowPrompt.of(
        said.voice.condition,
        said.voice.mel,
        reference_frames=version.reference_frames,
        window_frames=version.window_frames,
    )
