"""The frame stage of GPT-SoVITS: the codes of a piece to its samples, once the last of them is there.

The networks that read codes look at all of a piece at once, so its audio comes when it is whole; a stream comes piece
by piece. What is made depends on the piece and its seed only, however its codes came.
"""

# Q codes, X phones, M mel bands, T frames, N samples

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.frame_stage import FramePart
from vivace.errors import EngineError, TTSError
from vivace.models.gpt_sovits.condition import FlowMatchingModel
from vivace.models.gpt_sovits.flow_matching import denormalised, solve
from vivace.models.gpt_sovits.vits import VitsModel
from vivace.models.gpt_sovits.windows import WindowPrompt, sequential_windows
from vivace.pipeline.gpt_sovits_loading import GPTSoVITSParts
from vivace.runtime.seed import normal_noise


@dataclass(frozen=True)
class Timbre:
    """A voice as S2 takes it."""

    style: Tensor  # [1, G, 1]
    mel: Tensor | None = None  # v3, v4: [1, M, P] normalised, of the recording
    condition: Tensor | None = None  # v3, v4: [1, C, P] what the recording's codes and phones make


@dataclass(frozen=True)
class Saying:
    """What the codes of a job say, and in whose voice: the job's context."""

    phones: Tensor  # [X]
    timbre: Timbre
    seed: int
    steps: int = 1  # of the flow-matching solver (v3, v4)


@dataclass
class CodeStream:
    """``FrameStream``: codes that wait for the last of their piece."""

    saying: Saying
    codes: list[Tensor] = field(default_factory=list)  # [t, 1] each
    lookahead: int = 0


class CodeFrames:
    """``FrameStage``."""

    def __init__(self, parts: GPTSoVITSParts) -> None:
        self._parts = parts

    def open(self, context: object) -> CodeStream:
        """A stream before its first code."""
        assert isinstance(context, Saying), "a job of this family says what its codes mean"
        return CodeStream(context)

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """Samples of the pieces that are whole now."""
        return [self._decoded(part) for part in parts]

    def _decoded(self, part: FramePart) -> NDArray[np.float32] | TTSError:
        stream = part.stream
        assert isinstance(stream, CodeStream), "a part belongs to a stream that this stage opened"
        stream.codes.append(part.codes)
        codes = torch.cat([held for held in stream.codes if held.numel()] or [torch.zeros(0, 1)])
        if not part.last or not len(codes):
            return np.zeros(0, np.float32)
        samples = self.wave(codes[:, 0].long(), stream.saying)
        if not torch.isfinite(samples).all():
            return EngineError("the model made numbers that are not finite; try another seed, or float32")
        heard: NDArray[np.float32] = samples.cpu().numpy()
        return heard

    def wave(self, codes: Tensor, saying: Saying) -> Tensor:
        """Codes ``[Q]`` of one piece to samples ``[N]`` at the version's rate."""
        device = self._parts.device
        row, phones = codes[None].to(device), saying.phones[None].to(device)
        if isinstance(self._parts.s2, VitsModel):
            return self._by_flow(self._parts.s2, row, phones, saying)
        return self._by_matching(self._parts.s2, row, phones, saying)

    def _by_flow(self, s2: VitsModel, codes: Tensor, phones: Tensor, saying: Saying) -> Tensor:
        style = s2.style_of(saying.timbre.style)
        prior = s2.prior(s2.hidden(codes, phones, style))
        shape = prior.mean.shape
        noise = normal_noise(saying.seed, 0, (shape[0], shape[1], shape[2])).to(codes.device)
        return s2.wave(prior.sample(noise), style)[0]

    def _by_matching(self, s2: FlowMatchingModel, codes: Tensor, phones: Tensor, saying: Saying) -> Tensor:
        timbre, version = saying.timbre, s2.version
        assert timbre.mel is not None, "a voice of v3 and v4 has a mel"
        assert timbre.condition is not None, "a voice of v3 and v4 has condition frames"
        assert self._parts.vocoder is not None, "v3 and v4 have a vocoder"
        prompt = WindowPrompt.of(
            timbre.condition,
            timbre.mel,
            reference_frames=version.reference_frames,
            window_frames=version.window_frames,
        )
        drawn = iter(range(codes.shape[1] + 1))  # more than there are windows

        def noise(windows: int, frames: int) -> Tensor:
            return normal_noise(saying.seed, next(drawn), (windows, timbre_mels, frames)).to(codes.device)

        def solver(condition: Tensor, mel: Tensor, start: Tensor) -> Tensor:
            return solve(s2.estimator, condition, mel, start, saying.steps)

        timbre_mels = timbre.mel.shape[1]
        speech = s2.condition(codes, phones, timbre.style)
        made = torch.cat(list(sequential_windows(speech, prompt, solver, noise)), dim=2)
        return self._parts.vocoder(denormalised(made))[0]
