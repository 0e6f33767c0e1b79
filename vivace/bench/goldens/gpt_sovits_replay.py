"""Replays the reference's generation of semantic codes, defects included, on our S1.

Only verification uses this. Where the reference loses or repeats codes (a row that stops early in a batch loses its
last one; what follows a cut at silence is given out again) so does this. Source: section 7 of the model facts.
"""

# B rows, P codes of the recording, V vocabulary

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vivace.layers.attention import GrowingKV
from vivace.models.gpt_sovits.t2s.model import MAX_CODES, S1Model
from vivace.models.gpt_sovits.t2s.prompt import S1Prompt
from vivace.models.gpt_sovits.t2s.sampling import MIN_CODES, S1Sampling, ends, penalise, restrict


@dataclass
class GPTSoVITSTrace:
    """What became of a row."""

    codes: list[int]  # those of the recording first
    prompt: int
    steps: int = 0
    stopped_at: int = -1  # the step; -1: it has not ended
    early: bool = False  # ended by the limit
    logits: list[Tensor] = field(default_factory=list)  # [V] of each step, as the model gave them

    @property
    def new(self) -> list[int]:
        """Codes after those of the recording."""
        return self.codes[self.prompt :]


def generate(
    model: S1Model,
    given: S1Prompt,
    prompts: Sequence[Tensor],
    sampling: S1Sampling,
    early_stop: int,
    *,
    noise: Tensor | None = None,
    batched: bool = False,
) -> list[GPTSoVITSTrace]:
    """Generate all rows to their ends.

    Args:
        prompts: codes ``[P]`` of each row's recording.
        early_stop: more new codes than this end a row; -1 for none.
        noise: ``[steps, V]`` exponential draws.
        batched: drop the last code of a row that stops early, as the reference does in a batch.
    """
    traces = [GPTSoVITSTrace(prompt.tolist(), len(prompt)) for prompt in prompts]
    store = GrowingKV(model.config.layers, real=given.prompt.attention_mask, prefix_len=given.text_end)
    x, positions = given.prompt.embeddings, given.positions
    for step in range(MAX_CODES):
        hidden = model(x, positions, store)[:, -1]
        logits = model.logits(hidden)[:, 0, : None if step >= MIN_CODES else -1]
        drawn = [
            _take(trace, row, sampling, None if noise is None else noise[step], model.spec.end_code, early_stop)
            for trace, row in zip(traces, logits, strict=True)
        ]
        if batched:
            for trace in traces:
                if trace.early and trace.stopped_at == step:
                    trace.codes.pop()
        if all(trace.stopped_at >= 0 for trace in traces):
            return traces
        x, positions = model.embed(torch.tensor(drawn)[:, None, None]), positions[:, -1:] + 1
    raise ArithmeticError(f"a row did not end within {MAX_CODES} codes")


def _take(
    trace: GPTSoVITSTrace, logits: Tensor, sampling: S1Sampling, noise: Tensor | None, end_code: int, early_stop: int
) -> int:
    """Choose the next code of one row and say where it ended; a row that has ended goes on unheard."""
    if trace.stopped_at >= 0:
        return 0
    trace.logits.append(logits)
    history = torch.tensor(trace.codes, dtype=torch.long)[None]
    penalised = penalise(logits[None], history, sampling.repetition_penalty)
    probability = restrict(penalised, sampling).softmax(-1)
    chosen = (probability if noise is None else probability / noise[: probability.shape[1]]).argmax(-1)
    trace.codes.append(int(chosen))
    trace.steps += 1
    if bool(ends(penalised, chosen, end_code)):
        trace.codes.pop()
        trace.stopped_at = trace.steps - 1
    elif early_stop != -1 and len(trace.new) > early_stop:
        trace.stopped_at, trace.early = trace.steps - 1, True
    return int(chosen)


def stream_chunks(codes: Sequence[int], length: int, similarity: Tensor | None) -> list[list[int]]:
    """How the reference hands out a row's new codes.

    Args:
        length: codes of a chunk; with ``similarity`` at least so many.
        similarity: ``[V]`` how much each code is like silence, above 0 where a cut is allowed; None: cut by count.
    """
    chunks: list[list[int]] = []
    start = 0  # of what has not been handed out
    for end in range(1, len(codes) + 1):
        held = codes[start:end]
        if similarity is None:
            if len(held) == length:
                chunks.append(list(held))
                start = end
        elif len(held) >= length + 2:
            score = similarity[torch.tensor(held)]
            score = torch.where(score < 0, -1.0, score)
            score[:-1] += score[1:].clone()
            cut = int(score.argmax())
            if float(score[cut]) >= 0 and cut + 1 >= length:
                chunks.append(list(held))
                start += cut + 1
    return [*chunks, list(codes[start:])]
