"""Files 09: whole runs of the reference, replayed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vivace.bench.goldens.chattts_replay import Call, ChatTTSTrace, RepeatedNoise, Replay, Settings
from vivace.bench.goldens.report import Arrays, Goldens, Row, compare, equal
from vivace.models.chattts.checkpoint.load import ChatTTSModel
from vivace.models.chattts.speaker import decode_audio_prompt
from vivace.vocoder.vocos import Vocos

HEAD = 400  # samples kept of the start and of the end of each chunk
SILENT, ROUNDING = 1e-5, 5e-6  # samples this quiet are dropped; how near to it a comparison is undecided
HIDDEN, WAVE, NOISE = 3e-4, 5e-4, 1e-5  # tolerances of the manifest


def _check_call(name: str, call: Call, arrays: Arrays) -> Iterator[Row]:
    width = max(len(g.codes) for g in call.result)
    text = arrays[f"{name}_tokens"].ndim == 2
    tokens = np.full((len(call.result), width, call.result[0].codes.shape[1]), -1)
    hidden = np.zeros((len(call.result), width, call.result[0].hidden.shape[1]), np.float32)
    for b, g in enumerate(call.result):
        tokens[b, : len(g.codes)], hidden[b, : len(g.codes)] = g.codes.numpy(), g.hidden.numpy()
    yield compare(f"{name}_prompt_ids", call.encoded.input_ids, arrays[f"{name}_prompt_ids"])
    yield compare(f"{name}_tokens", tokens[..., 0] if text else tokens, arrays[f"{name}_tokens"])
    if f"{name}_hiddens" in arrays:
        yield compare(f"{name}_hiddens", hidden, arrays[f"{name}_hiddens"], HIDDEN)


def _audible(rest: Tensor, width: int) -> Tensor:
    """The reference drops samples at or below 1e-5 from the end of a batch.

    Samples nearer to that limit than rounding may fall on either side of it; of these, as many as were recorded stay.
    """
    loudest = rest.abs().amax(0)
    sure, doubtful = loudest > SILENT + ROUNDING, (loudest - SILENT).abs() <= ROUNDING
    missing = min(max(width - int(sure.sum()), 0), int(doubtful.sum()))
    chosen = loudest.masked_fill(~doubtful, -1).topk(missing).indices
    sure[chosen] = True
    return rest[:, sure]


def _check_stream(run: str, trace: ChatTTSTrace, case: dict[str, Any], arrays: Arrays) -> Iterator[Row]:
    wanted = case["chunk_shapes"]
    chunks = [
        _audible(chunk, shape[1]) if i in trace.rests else chunk
        for i, (chunk, shape) in enumerate(zip(trace.chunks, wanted, strict=True))
    ]
    yield equal(f"{run} chunk shapes", [list(c.shape) for c in chunks], wanted)
    for part in ("heads", "tails"):
        want = arrays.get(f"{run}_chunk_{part}")
        if want is None:
            continue
        cut = [c[:, :HEAD] if part == "heads" else c[:, -HEAD:] for c in chunks]
        yield compare(f"{run}_chunk_{part}", torch.stack(cut), want, WAVE)


def _check_run(
    run: str, case: dict[str, Any], arrays: Arrays, parts: tuple[ChatTTSModel, Vocos], homophones: dict[str, str]
) -> Iterator[Row]:
    model, vocos = parts
    settings = Settings.from_recorded(case["settings"])
    trace = Replay(model, vocos, settings, case["seed"]).run(case["text"], homophones)
    for call, want in zip(trace.calls, case["generate_calls"], strict=True):
        yield equal(f"{want['name']} prompts", call.prompts, want["prompts"])
        yield equal(f"{want['name']} lengths", [len(g.codes) for g in call.result], want["lengths"])
        yield from _check_call(want["name"], call, arrays)
    if f"{run}_noise" in arrays:
        rows = arrays[f"{run}_noise"]
        codebooks = 1 if settings.refine else model.config.gpt.num_vq
        noise = RepeatedNoise(case["seed"], len(rows) // codebooks).matrix(codebooks, rows.shape[1])
        yield compare(f"{run}_noise", noise, rows, NOISE)
    if "output_text" in case:
        texts = trace.texts if isinstance(case["output_text"], list) else "\n".join(trace.texts)
        yield equal(f"{run} text", texts, case["output_text"])
    if "decoded_shapes" in case:
        yield equal(f"{run} decoded shapes", [list(w.shape) for w in trace.decoded], case["decoded_shapes"])
    if f"{run}_decoded" in arrays:
        yield compare(f"{run}_decoded", trace.decoded[-1], arrays[f"{run}_decoded"], WAVE)
    if "chunk_shapes" in case:
        yield from _check_stream(run, trace, case, arrays)
    if "spk_smp_after" in case:
        assert trace.recording is not None, "this run makes its own recording"
        want_codes = decode_audio_prompt(case["spk_smp_after"])
        yield compare(f"{run} recording", trace.recording, want_codes)
    if run.startswith("zero_shot"):
        assert settings.recording is not None, "this run is given a recording"
        yield compare("zero_shot_codes", settings.recording, arrays["zero_shot_codes"])


def check_runs(goldens: Goldens, parts: tuple[ChatTTSModel, Vocos], stem: str) -> Iterator[Row]:
    """All runs of one file."""
    cases, arrays = goldens.json(f"{stem}.json"), goldens.arrays(f"{stem}.npz")
    homophones = goldens.json("08_normalizer.json")["homophones_used"]
    for run, case in cases.items():
        if run.startswith("_"):
            continue
        for row in _check_run(run, case, arrays, parts, homophones):
            yield Row(f"{stem}.npz:{row.name}", row.ok, row.error, row.tolerance, row.detail)
