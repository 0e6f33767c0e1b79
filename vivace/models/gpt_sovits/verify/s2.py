"""Groups ``s2_*`` and ``vocoders``: codes to a wave by either decoder, and the vocoders alone.

Speech longer than a window is made as the reference makes it: windows one after another, or many together and joined
where they are most alike ("SOLA", overlap-add of similar waveforms; Verhelst and Roelands, 1993). Source: sections 5 to
14 of the GPT-SoVITS model facts.
"""

# N samples
# M mel bands, C condition channels, T frames, W windows

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.models.gpt_sovits.reference.spectra import sinc_resample, slaney_log_mel
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.flow_matching import denormalized, normalized, solve
from vivace.models.gpt_sovits.s2.semantic import FRAMES_PER_CODE, SemanticQuantizer
from vivace.models.gpt_sovits.s2.vits import Style, VitsModel, joined_hidden
from vivace.models.gpt_sovits.s2.windows import WindowPrompt
from vivace.models.gpt_sovits.verify.cases import RECORDING_RATE, Case, Vocode
from vivace.models.verification import Row
from vivace.vocoder.bigvgan import AliasFreeSnake

OVERLAP = 12  # frames that neighboring windows share, when many are made together
TOLERANCE = 2e-4  # of everything between codes and wave
WAVE = 3e-4
WINDOWED_MEL, WINDOWED_WAVE = 2e-3, 5e-3
ACTIVATION = 1e-5
SEARCH = 320  # samples


def best_shift(tail: Tensor, head: Tensor) -> int:
    """Where in ``head`` ``[V + S]`` the ``tail`` ``[V]`` fits best, 0 to S, by normalized correlation."""
    window = tail.float()[None, None]
    following = head.float()[None, None]
    likeness = F.conv1d(following, window)[0, 0]
    energy = F.conv1d(following**2, torch.ones_like(window))[0, 0] + 1e-8
    return int((likeness / energy.sqrt()).argmax())


def splice(pieces: Sequence[Tensor], overlap: int, search: int = SEARCH) -> Tensor:
    """All pieces ``[N]`` in a row, each faded over ``overlap`` samples into the one before.

    The result is shorter than the pieces by the overlaps and by what is skipped to make neighbors fit.
    """
    fade = torch.hann_window(2 * overlap, device=pieces[0].device)
    parts: list[Tensor] = []
    current = pieces[0]
    for following in pieces[1:]:
        tail = current[len(current) - overlap :]
        following = following[best_shift(tail, following[: overlap + search]) :]
        head = fade[:overlap] * following[:overlap] + fade[overlap:] * tail
        parts.append(current[: len(current) - overlap])
        current = torch.cat((head.to(following.dtype), following[overlap:]))
    return torch.cat((*parts, current))


Solver = Callable[
    [Tensor, Tensor, Tensor], Tensor
]  # condition [B, C, T], prompt [1, M, P], noise [B, M, T] -> [B, M, T]
Noise = Callable[[int, int], Tensor]  # windows, frames of a window -> [W, M, T]


def sequential_windows(speech: Tensor, prompt: WindowPrompt, solver: Solver, noise: Noise) -> Iterator[Tensor]:
    """Windows in order, each prompted with the end of the one before; what a stream needs.

    Args:
        speech: condition frames ``[1, C, T]``.
    Yields: normalized mels ``[1, M, n]``, T frames in all.
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
        normalized mels ``[1, M, W * length]`` of all windows in a row, their shared frames twice, and the plan.
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


def check_decode(case: Case, model: VitsModel) -> Iterator[Row]:
    """Codes and phones to a wave, stage by stage."""
    codes, phones, style = _given(case, model)
    noise, speed = case.inputs["noise"], case.params["speed"]
    yield case.row("quantized", model.quantizer.decode(codes), TOLERANCE)
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


def check_codes(case: Case, quantizer: SemanticQuantizer) -> Iterator[Row]:
    """Features to semantic codes."""
    features = case.inputs["ssl"]
    yield case.row("projected", quantizer.project(features), TOLERANCE)
    yield case.row("codes", quantizer.encode(features)[:, None])


def _given(case: Case, model: VitsModel) -> tuple[Tensor, Tensor, Style]:
    """Codes ``[1, Q]``, phones ``[1, X]`` and the mean style of the references."""
    style = model.style(case.listed("refer"), case.listed("sv"))
    return case.inputs["codes"][0].long(), case.inputs["text"].long(), style


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
    yield case.row("mel", denormalized(mel), WINDOWED_MEL)
    yield case.row("audio", vocode(denormalized(mel))[0], WINDOWED_WAVE)


def check_parallel_windows(case: Case, model: FlowMatchingModel, vocode: Vocode) -> Iterator[Row]:
    """Several segments in windows that are made together, their waves joined where they fit."""
    prompt, style = _prompt(case, model)
    segments = [
        model.condition(codes.long()[None, -new:], phones.long()[None], style, speed=case.params["speed"])
        for codes, phones, new in zip(case.listed("codes"), case.listed("text"), case.params["idx"], strict=True)
    ]
    mel, plan = parallel_windows(segments, prompt, _solver(case, model), lambda windows, frames: case.inputs["noise"])
    yield case.row("mel", denormalized(mel), WINDOWED_MEL)
    wave = vocode(denormalized(mel))[0]
    for i, samples in enumerate(join_waves(wave, plan, [s.shape[2] for s in segments], model.version.hop)):
        yield case.row(f"audio{i}", samples, WINDOWED_WAVE)


def _solver(case: Case, model: FlowMatchingModel) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return partial(_solved, model, case.params["steps"])


def _solved(model: FlowMatchingModel, steps: int, condition: Tensor, prompt: Tensor, noise: Tensor) -> Tensor:
    return solve(model.estimator, condition, prompt, noise, steps)


def _reference_mel(case: Case, model: FlowMatchingModel) -> Tensor:
    spec = model.version.prompt
    samples = sinc_resample(case.inputs["wav"][None], RECORDING_RATE, spec.sample_rate)
    return normalized(slaney_log_mel(samples, spec))


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


def check_vocoder(case: Case, vocode: Callable[[Tensor], Tensor]) -> Iterator[Row]:
    """A mel to a wave."""
    yield case.row("audio", vocode(case.inputs["mel"])[:, None], WAVE)


def check_activation(case: Case, alpha: Tensor, beta: Tensor) -> Iterator[Row]:
    """Twice the rate, activated, and back; ``alpha`` and ``beta`` ``[C]`` are logarithms."""
    snake = AliasFreeSnake(len(alpha)).requires_grad_(False)
    snake.act.alpha.copy_(alpha)
    snake.act.beta.copy_(beta)
    for output in ("filter_up", "filter_down"):
        yield case.row(output, snake.filter.view(1, 1, -1), 1e-7)
    up = snake.up(case.inputs["x"])
    yield case.row("up", up, ACTIVATION)
    activated = snake.act(up)
    yield case.row("activated", activated, ACTIVATION)
    yield case.row("out", snake.down(activated), ACTIVATION)
