"""Groups ``s1`` and ``sampling``: the text-to-semantic model and its sampler."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.bench.goldens.gpt_sovits_cases import Case
from vivace.bench.goldens.gpt_sovits_replay import GPTSoVITSTrace, generate, stream_chunks
from vivace.bench.goldens.report import Row
from vivace.engine.protocols import ARPrompt
from vivace.layers.attention import GrowingKV
from vivace.models.gpt_sovits.t2s.model import IN_TEXT, S1Model
from vivace.models.gpt_sovits.t2s.prompt import S1Input, S1Prompt, s1_prompt
from vivace.models.gpt_sovits.t2s.sampling import MIN_CODES, S1Sampling, penalise, restrict

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
    """Logits to penalised logits, to probabilities, to a code."""
    sampling = _sampling(case)
    penalised = penalise(case.inputs["logits"], case.inputs["history"].long(), sampling.repetition_penalty)
    yield case.row("logits_after_penalty", penalised, PROBABILITY)
    probability = restrict(penalised, sampling).softmax(-1)
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
