"""Speech longer than the flow network takes at once: windows, one after another or many together.

Source: section 14 of the GPT-SoVITS model facts.
"""

# M mel bands, C condition channels, T frames, P frames of the recording, W windows

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.models.gpt_sovits.s2.splice import splice

OVERLAP = 12  # frames that neighbouring windows share, when many are made together

Solver = Callable[
    [Tensor, Tensor, Tensor], Tensor
]  # condition [B, C, T], prompt [1, M, P], noise [B, M, T] -> [B, M, T]
Noise = Callable[[int, int], Tensor]  # windows, frames of a window -> [W, M, T]


@dataclass(frozen=True)
class WindowPrompt:
    """The recording at the head of every window."""

    condition: Tensor  # [1, C, P]
    mel: Tensor  # [1, M, P] normalised
    speech_frames: int  # that a window has room for behind it

    @classmethod
    def of(cls, condition: Tensor, mel: Tensor, *, reference_frames: int, window_frames: int) -> "WindowPrompt":
        """The frames that both have; of many, the last ``reference_frames``."""
        frames = min(mel.shape[2], condition.shape[2])
        kept = slice(max(0, frames - reference_frames), frames)
        frames = min(frames, reference_frames)
        return cls(condition[:, :, kept], mel[:, :, kept], window_frames - frames)

    def after(self, condition: Tensor, mel: Tensor) -> "WindowPrompt":
        """The prompt of the window that follows one of ``condition`` ``[1, C, T]`` and ``mel`` ``[1, M, T]``.

        As many frames as before, the latest. A full window is a prompt by itself, as in the reference, even where it
        has fewer.
        """
        frames = self.mel.shape[2]
        if mel.shape[2] < self.speech_frames:
            condition, mel = torch.cat((self.condition, condition), dim=2), torch.cat((self.mel, mel), dim=2)
        return replace(self, condition=condition[:, :, -frames:], mel=mel[:, :, -frames:])


def sequential_windows(speech: Tensor, prompt: WindowPrompt, solver: Solver, noise: Noise) -> Iterator[Tensor]:
    """Windows in order, each prompted with the end of the one before; what a stream needs.

    Args:
        speech: condition frames ``[1, C, T]``.
    Yields: normalised mels ``[1, M, n]``, T frames in all.
    """
    for start in range(0, speech.shape[2], prompt.speech_frames):
        window = speech[:, :, start : start + prompt.speech_frames]
        before = prompt.mel.shape[2]
        condition = torch.cat((prompt.condition, window), dim=2)
        made = solver(condition, prompt.mel, noise(1, before + window.shape[2]))[:, :, before:]
        yield made
        prompt = prompt.after(window, made)


@dataclass(frozen=True)
class WindowPlan:
    """How a long condition is cut into windows that overlap."""

    starts: tuple[int, ...]  # in the condition with its lead
    length: int  # frames of each
    pad: int  # frames of zeros at the end of the last

    @classmethod
    def of(cls, frames: int, length: int) -> "WindowPlan":
        """For ``frames`` in all, the lead included. The last window may hold nothing but frames seen before."""
        assert length > OVERLAP, "a window holds more than it shares"
        step = length - OVERLAP
        starts = [0, *range(step, frames, step)]
        return cls(tuple(starts), length, max(0, starts[-1] + length - frames))


def parallel_windows(
    segments: Sequence[Tensor], prompt: WindowPrompt, solver: Solver, noise: Noise
) -> tuple[Tensor, WindowPlan]:
    """All segments in windows that are made together, every window prompted with the recording.

    Args:
        segments: condition frames ``[1, C, T]`` of each.
    Returns:
        normalised mels ``[1, M, W * length]`` of all windows in a row, their shared frames twice, and the plan.
    """
    joined = F.pad(torch.cat(list(segments), dim=2), (OVERLAP, 0))
    plan = WindowPlan.of(joined.shape[2], prompt.speech_frames)
    padded = F.pad(joined, (0, plan.pad))
    windows = torch.cat([padded[:, :, s : s + plan.length] for s in plan.starts])  # [W, C, length]
    condition = torch.cat((prompt.condition.expand(len(windows), -1, -1), windows), dim=2)
    made = solver(condition, prompt.mel, noise(*condition.shape[::2]))[:, :, -plan.length :]
    return made.transpose(0, 1).flatten(1)[None], plan


def join_waves(wave: Tensor, plan: WindowPlan, lengths: Sequence[int], hop: int) -> list[Tensor]:
    """The wave of ``parallel_windows``' mel, joined at the overlaps and cut into segments.

    Args:
        wave: ``[N]``, ``hop`` samples per frame.
        lengths: condition frames of each segment.
    Returns: samples ``[lengths[i] * hop]`` each; the last one is shorter by what was skipped to make windows fit.
    """
    joined = splice(torch.split(wave, plan.length * hop), OVERLAP * hop)
    spoken = joined[OVERLAP * hop : len(joined) - plan.pad * hop]
    before = [n * hop for n in lengths[:-1]]
    return list(torch.split(spoken, [*before, len(spoken) - sum(before)]))
