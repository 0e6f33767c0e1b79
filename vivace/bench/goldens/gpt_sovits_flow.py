"""Groups ``s2_v3`` and ``s2_v4``: codes to condition frames, the network, the solver, and long speech in windows."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from vivace.bench.goldens.gpt_sovits_cases import RECORDING_RATE, Case
from vivace.bench.goldens.gpt_sovits_models import Vocode
from vivace.bench.goldens.report import Row
from vivace.models.gpt_sovits.reference.magnitude import slaney_log_mel
from vivace.models.gpt_sovits.reference.resample import sinc_resample
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.flow_matching import denormalised, normalised, solve
from vivace.models.gpt_sovits.s2.windows import WindowPrompt, join_waves, parallel_windows, sequential_windows

TOLERANCE = 2e-4
WINDOWED_MEL, WINDOWED_WAVE = 2e-3, 5e-3


def check_encode(case: Case, model: FlowMatchingModel) -> Iterator[Row]:
    """Codes and phones to condition frames."""
    style = case.inputs["ge"] if "ge" in case.inputs else model.style(case.inputs["refer0"])
    yield case.row("ge", style, TOLERANCE)
    codes, phones = case.inputs["codes"][0].long(), case.inputs["text"].long()
    yield case.row("fea", model.condition(codes, phones, style, speed=case.params["speed"]), TOLERANCE)


def check_network(case: Case, model: FlowMatchingModel) -> Iterator[Row]:
    """One call of the network, with or without what it is given."""
    network, x = model.estimator, case.inputs["x"]
    time, step = case.inputs["t"], case.inputs["d"]
    yield case.row("time_embed", network.time_embed(time), TOLERANCE)
    yield case.row("d_embed", network.d_embed(step), TOLERANCE)
    kept = 0.0 if case.params["drop"] else 1.0
    text = network.text(case.inputs["mu"] * kept)
    yield case.row("text_embed", text, TOLERANCE)
    now = network.modulations(float(time), float(step))
    yield case.row("v", network(x, case.inputs["prompt_x"] * kept, text, now).transpose(1, 2), TOLERANCE)


def check_solver(case: Case, model: FlowMatchingModel) -> Iterator[Row]:
    """Noise to a mel."""
    mel = solve(
        model.estimator,
        case.inputs["fea"].transpose(1, 2),
        case.inputs["prompt_mel"],
        case.inputs["noise"] * case.params.get("temperature", 1.0),
        case.params["steps"],
        guidance=case.params["cfg"],
    )
    yield case.row("mel", mel, TOLERANCE)


def check_windows(case: Case, model: FlowMatchingModel, vocode: Vocode) -> Iterator[Row]:
    """Speech in windows, one after another."""
    prompt, style = _prompt(case, model)
    yield case.row(
        "prompt_mel_head", _reference_mel(case, model)[:, :, : _frames(case, "prompt_mel_head")], WINDOWED_MEL
    )
    codes, phones = case.inputs["codes"][0].long(), case.inputs["text"].long()
    speech = model.condition(codes, phones, style, speed=case.params["speed"])
    noises = iter(case.listed("noise"))
    made = list(sequential_windows(speech, prompt, _solver(case, model), lambda windows, frames: next(noises)))
    mel = torch.cat(made, dim=2)
    yield case.row("mel", denormalised(mel), WINDOWED_MEL)
    yield case.row("audio", vocode(denormalised(mel))[0], WINDOWED_WAVE)


def check_parallel_windows(case: Case, model: FlowMatchingModel, vocode: Vocode) -> Iterator[Row]:
    """Several segments in windows that are made together, their waves joined where they fit."""
    prompt, style = _prompt(case, model)
    segments = [
        model.condition(codes.long()[None, -new:], phones.long()[None], style, speed=case.params["speed"])
        for codes, phones, new in zip(case.listed("codes"), case.listed("text"), case.params["idx"], strict=True)
    ]
    mel, plan = parallel_windows(segments, prompt, _solver(case, model), lambda windows, frames: case.inputs["noise"])
    yield case.row("mel", denormalised(mel), WINDOWED_MEL)
    wave = vocode(denormalised(mel))[0]
    for i, samples in enumerate(join_waves(wave, plan, [s.shape[2] for s in segments], model.version.hop)):
        yield case.row(f"audio{i}", samples, WINDOWED_WAVE)


def _solver(case: Case, model: FlowMatchingModel) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return partial(_solved, model, case.params["steps"])


def _solved(model: FlowMatchingModel, steps: int, condition: Tensor, prompt: Tensor, noise: Tensor) -> Tensor:
    return solve(model.estimator, condition, prompt, noise, steps)


def _reference_mel(case: Case, model: FlowMatchingModel) -> Tensor:
    spec = model.version.prompt
    samples = sinc_resample(case.inputs["wav"][None], RECORDING_RATE, spec.sample_rate)
    return normalised(slaney_log_mel(samples, spec))


def _prompt(case: Case, model: FlowMatchingModel) -> tuple[WindowPrompt, Tensor]:
    """The recording's mel and condition, and its style."""
    style = model.style(case.inputs["refer0"])
    codes, phones = case.inputs["prompt_semantic"].long().view(1, -1), case.inputs["prompt_phones"].long().view(1, -1)
    condition = model.condition(codes, phones, style)
    prompt = WindowPrompt.of(
        condition,
        _reference_mel(case, model),
        reference_frames=case.params["T_ref"],
        window_frames=case.params["T_chunk"],
    )
    return prompt, style


def _frames(case: Case, output: str) -> int:
    return case.outputs[output].shape[-1]
