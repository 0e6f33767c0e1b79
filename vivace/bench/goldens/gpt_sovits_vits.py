"""Groups ``s2_v2`` and ``s2_v2Pro``: codes to a wave, whole and in chunks, and features to codes."""

from collections.abc import Iterator

import torch
from torch import Tensor

from vivace.bench.goldens.gpt_sovits_cases import Case
from vivace.bench.goldens.report import Row
from vivace.models.gpt_sovits.s2.semantic import FRAMES_PER_CODE, SemanticQuantiser
from vivace.models.gpt_sovits.s2.vits import Style, VitsModel, joined_hidden

TOLERANCE = 2e-4  # of everything between codes and wave
WAVE = 3e-4


def check_decode(case: Case, model: VitsModel) -> Iterator[Row]:
    """Codes and phones to a wave, stage by stage."""
    codes, phones, style = _given(case, model)
    noise, speed = case.inputs["noise"], case.params["speed"]
    yield case.row("quantized", model.quantiser.decode(codes), TOLERANCE)
    yield case.row("ge", style.decoder, TOLERANCE)
    if "ge_text" in case.outputs:
        yield case.row("ge_text", style.encoder, TOLERANCE)
    prior = model.prior(model.hidden(codes, phones, style), speed=speed)
    yield case.row("m_p", prior.mean, TOLERANCE)
    yield case.row("logs_p", prior.log_deviation, TOLERANCE)
    yield case.row("y_mask", torch.ones(1, 1, model.frames(codes.shape[1], speed=speed)))
    latent = prior.sample(noise, case.params["noise_scale"])
    yield case.row("z_p", latent, TOLERANCE)
    yield case.row("z", model.flow.inverse(latent, style.decoder), TOLERANCE)
    wave = model(codes, phones, style, noise, speed=speed, noise_scale=case.params["noise_scale"])
    yield case.row("audio", wave[:, None], WAVE)


def check_stream(case: Case, model: VitsModel) -> Iterator[Row]:
    """Growing prefixes of the codes; each chunk is decoded with the end of the one before."""
    codes, phones, style = _given(case, model)
    overlap, known = case.params["overlap_tokens"], 0
    tail: Tensor | None = None
    for i, added in enumerate(case.params["chunks"]):
        known += added
        frames = FRAMES_PER_CODE * (added + (overlap if tail is not None else 0))
        hidden = joined_hidden(model.hidden(codes[:, :known], phones, style), tail, frames)
        prior = model.prior(hidden, speed=case.params["speed"])
        latent = prior.sample(case.inputs[f"noise{i}"], case.params["noise_scale"])
        yield case.row(f"audio{i}", model.wave(latent, style)[:, None], WAVE)
        yield case.row(f"latent{i}", hidden, TOLERANCE)
        tail = hidden[:, :, -FRAMES_PER_CODE * overlap :]


def check_codes(case: Case, quantiser: SemanticQuantiser) -> Iterator[Row]:
    """Features to semantic codes."""
    features = case.inputs["ssl"]
    yield case.row("projected", quantiser.project(features), TOLERANCE)
    yield case.row("codes", quantiser.encode(features)[:, None])


def _given(case: Case, model: VitsModel) -> tuple[Tensor, Tensor, Style]:
    """Codes ``[1, Q]``, phones ``[1, X]`` and the mean style of the references."""
    style = model.style(case.listed("refer"), case.listed("sv"))
    return case.inputs["codes"][0].long(), case.inputs["text"].long(), style
