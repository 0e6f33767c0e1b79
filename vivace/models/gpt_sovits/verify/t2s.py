"""Groups ``s1`` and ``sampling``: the text-to-semantic model, its sampler, and the reference's generation replayed.

Defects are replayed too: where the reference loses or repeats codes (a row that stops early in a batch loses its last
one; codes after a cut at silence are given out again) so does this. Only verification uses it. The order of the
sampler's steps is part of the model. Source: section 7 of the GPT-SoVITS model facts.
"""

# R rows, V vocabulary, H codes of a row so far, those of the recording included
# B rows, P codes of the recording, V vocabulary

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.engine.protocols import ARPrompt
from vivace.errors import InputError
from vivace.layers.attention import GrowingKV
from vivace.models.gpt_sovits.t2s.model import IN_TEXT, MAX_CODES, S1Model
from vivace.models.gpt_sovits.t2s.prompt import MIN_CODES, MIN_TEMPERATURE, S1Input, S1Prompt, s1_prompt
from vivace.models.gpt_sovits.verify.cases import Case
from vivace.models.verification import Row


@dataclass(frozen=True)
class S1Sampling:
    """How codes are chosen; the defaults are those of the published models."""

    top_k: int | None = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}; give a whole number of at least 1")
        if not self.top_p >= 0:
            raise InputError(f"top_p is {self.top_p}; give a number from 0 to 1")
        if not 0 <= self.temperature <= 100:
            raise InputError(f"temperature is {self.temperature}; give a number from 0 to 100")
        if not 0 < self.repetition_penalty <= 100:
            raise InputError(f"repetition_penalty is {self.repetition_penalty}; give a number above 0, 1 for none")


def penalize(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Make what was said less likely, once, however often it was said. ``[R, V]``, ``[R, H]`` -> ``[R, V]``."""
    if penalty == 1 or history.shape[1] == 0:
        return logits
    said = logits.gather(1, history)
    return logits.scatter(1, history, torch.where(said < 0, said * penalty, said / penalty))


def restrict(penalized: Tensor, params: S1Sampling) -> Tensor:
    """Top-p, temperature, top-k, in this order. ``[R, V]`` -> ``[R, V]``, dropped ones minus infinity.

    Top-p drops the code that crosses the limit, too; the likeliest is always kept. Codes that tie with the last of the
    top k stay.
    """
    logits = penalized
    if params.top_p < 1:
        descending, order = logits.sort(dim=-1, descending=True)
        drop = descending.softmax(-1).cumsum(-1) > params.top_p
        drop[:, 0] = False
        logits = logits.masked_fill(drop.scatter(1, order, drop), -torch.inf)
    logits = logits / max(params.temperature, MIN_TEMPERATURE)
    if params.top_k is not None:
        k = min(params.top_k, logits.shape[-1])
        logits = logits.masked_fill(logits < logits.topk(k).values[:, -1:], -torch.inf)
    return logits


def ends(penalized: Tensor, chosen: Tensor, end_code: int) -> Tensor:
    """Whether each row stops: the end was drawn, or was the likeliest before anything was dropped. ``[R]`` bool."""
    return (chosen == end_code) | (penalized.argmax(-1) == end_code)


@dataclass
class GPTSoVITSTrace:
    """The record of one row."""

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
    penalized = penalize(logits[None], history, sampling.repetition_penalty)
    probability = restrict(penalized, sampling).softmax(-1)
    chosen = (probability if noise is None else probability / noise[: probability.shape[1]]).argmax(-1)
    trace.codes.append(int(chosen))
    trace.steps += 1
    if bool(ends(penalized, chosen, end_code)):
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


TOLERANCE = 2e-4  # of embeddings, hidden states, keys, values and logits
PROBABILITY = 1e-6
SILENCE = 486  # the code that sounds like silence


class _WatchedKV(GrowingKV):
    """Remembers the keys and values that each layer was given first."""

    def __init__(self, layers: int, prefix_len: int) -> None:
        super().__init__(layers, prefix_len=prefix_len)
        self.first: dict[int, tuple[Tensor, Tensor]] = {}

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        self.first.setdefault(layer, (k, v))
        return super().attend(layer, q, k, v)


def check_prefill(case: Case, model: S1Model) -> Iterator[Row]:
    """Embeddings, the whole prompt, and one step."""
    row = _rows(case)[0]
    given = s1_prompt(model, [row])
    text = len(row.phones)
    embedded = model.place(given.prompt.embeddings, given.positions)
    yield case.row("text_emb", embedded[:, :text], TOLERANCE)
    yield case.row("audio_emb", embedded[:, text:], TOLERANCE)
    store = _WatchedKV(model.config.layers, text)
    hidden = model(given.prompt.embeddings, given.positions, store)
    yield case.row("hidden", hidden, TOLERANCE)
    logits = model.logits(hidden[:, -1])[:, 0]
    yield case.row("logits", logits, TOLERANCE)
    for which, layer in (("first", 0), ("last", model.config.layers - 1)):
        for name, held in zip("kv", store.first[layer], strict=True):
            yield case.row(f"{name}_cache_{which}", held.transpose(1, 2).flatten(2), TOLERANCE)
    token = logits.argmax(-1, keepdim=True)
    yield case.row("next_token", token)
    step = model(model.embed(token[..., None]), given.positions[:, -1:] + 1, store)
    yield case.row("step_hidden", step, TOLERANCE)
    yield case.row("step_logits", model.logits(step[:, -1])[:, 0], TOLERANCE)


def check_generate(case: Case, model: S1Model) -> Iterator[Row]:
    """One row to its end."""
    trace = _one(case, model, _rows(case)[0])
    yield case.row("tokens", trace.codes)
    yield case.row("new_tokens", trace.new)
    # Without a recording the reference says 0, by which its callers mean all.
    yield case.row("idx", trace.stopped_at if trace.prompt else 0)
    for name, step in (("logits_step0", 0), ("logits_step11", MIN_CODES), ("logits_last", -1)):
        yield case.row(name, trace.logits[step][None], TOLERANCE)


def check_batch(case: Case, model: S1Model) -> Iterator[Row]:
    """Rows of unequal lengths together, and each alone."""
    rows = _rows(case)
    given = s1_prompt(model, rows)
    longest = max(len(row.phones) for row in rows)
    padded = _padded(given, case.params.get("max_len", longest) - longest)
    traces = generate(
        model, padded, [row.codes for row in rows], _sampling(case), case.params["early_stop_num"], batched=True
    )
    yield case.row("idx", [trace.stopped_at for trace in traces])
    yield case.row("logits_step0", torch.stack([trace.logits[0] for trace in traces]), TOLERANCE)
    alone = [_one(case, model, row) for row in rows]
    yield case.row("naive_idx", [trace.stopped_at for trace in alone])
    for i, (together, single) in enumerate(zip(traces, alone, strict=True)):
        yield case.row(f"tokens{i}", together.codes)
        yield case.row(f"naive_tokens{i}", single.codes)


def check_stream(case: Case, model: S1Model) -> Iterator[Row]:
    """Chunks of one row, in the order and with the repetitions in which the reference hands them out."""
    similarity = None
    if case.params["mute"]:
        table = model.codes.weight
        alike = F.cosine_similarity(table, table[SILENCE], dim=-1)
        yield case.row("mute_similarity", alike, TOLERANCE)
        similarity = alike - case.params["threshold"]
    trace = _one(case, model, _rows(case)[0])
    for i, chunk in enumerate(stream_chunks(trace.new, case.params["chunk_length"], similarity)):
        yield case.row(f"chunk{i}", chunk)


def check_sampling(case: Case) -> Iterator[Row]:
    """Logits to penalized logits, to probabilities, to a code."""
    sampling = _sampling(case)
    penalized = penalize(case.inputs["logits"], case.inputs["history"].long(), sampling.repetition_penalty)
    yield case.row("logits_after_penalty", penalized, PROBABILITY)
    probability = restrict(penalized, sampling).softmax(-1)
    dropped = (case.outputs["probs"] == 0) == (probability == 0)
    yield case.row("probs", torch.where(dropped, probability, torch.nan), PROBABILITY)
    yield case.row("token", (probability / case.inputs["noise"]).argmax(-1, keepdim=True))


def _sampling(case: Case) -> S1Sampling:
    given = case.params
    return S1Sampling(given.get("top_k"), given["top_p"], given["temperature"], given["repetition_penalty"])


def _rows(case: Case) -> list[S1Input]:
    """The rows of a case; features are the recorded bank from the case's offset on."""
    phones = case.listed("phones") or [case.inputs["phones"][0]]
    offsets = case.params["bert_offset"]
    offsets = offsets if isinstance(offsets, list) else [offsets]
    codes = case.inputs["prompt"][0].long() if "prompt" in case.inputs else torch.zeros(0, dtype=torch.long)
    bank = case.inputs["bert"][0].T  # [1, 1024, n] -> [n, 1024]
    return [S1Input(p.long(), bank[o : o + len(p)], codes) for p, o in zip(phones, offsets, strict=True)]


def _one(case: Case, model: S1Model, row: S1Input) -> GPTSoVITSTrace:
    noise, limit = case.inputs.get("noise"), case.params["early_stop_num"]
    return generate(model, s1_prompt(model, [row]), [row.codes], _sampling(case), limit, noise=noise)[0]


def _padded(given: S1Prompt, more: int) -> S1Prompt:
    """With more padding on the left."""
    x, real = given.prompt.embeddings, given.prompt.attention_mask
    return S1Prompt(
        ARPrompt(F.pad(x, (0, 0, more, 0)), F.pad(real, (more, 0))),
        F.pad(given.positions, (more, 0), value=IN_TEXT),
        given.text_end,
    )
