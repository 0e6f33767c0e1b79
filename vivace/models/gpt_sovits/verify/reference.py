"""Groups ``reference`` and ``text``: a recording before the models, and symbols, phone ids and cuts of a text."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from vivace.audio.resample import resample
from vivace.models.gpt_sovits.phones import phone_ids, symbols
from vivace.models.gpt_sovits.reference.encode import STYLE_FRAMES, limited
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork
from vivace.models.gpt_sovits.reference.spectra import (
    FrameSpec,
    filter_bank,
    magnitudes,
    sinc_resample,
    slaney_filters,
    slaney_log_mel,
)
from vivace.models.gpt_sovits.s2.condition import MEL_VERSIONS
from vivace.models.gpt_sovits.s2.flow_matching import denormalized, normalized
from vivace.models.gpt_sovits.text_split import presplit, split_text
from vivace.models.gpt_sovits.verify.cases import Case
from vivace.models.gpt_sovits.verify.s2 import splice
from vivace.models.verification import Goldens, Row, equal

RESAMPLED, FEATURES, BANK, VECTOR, SPLICED = 1e-5, 1e-3, 2e-3, 1e-3, 1e-5
MEL, QUIET_MEL, QUIET = 1e-3, 1e-2, -9.0


def check_resample(case: Case) -> Iterator[Row]:
    """By the short sinc."""
    wav = case.inputs["wav"] if case.inputs["wav"].ndim == 2 else case.inputs["wav"][None]
    made = sinc_resample(wav.mean(0, keepdim=True), case.params["sr_in"], case.params["sr_out"])
    if case.params.get("guard"):
        made = limited(made)
    for output in case.outputs:
        yield case.row(output, _part(output, made, case), RESAMPLED)


def check_feature_resample(case: Case) -> Iterator[Row]:
    """By soxr, for HuBERT."""
    made = torch.from_numpy(resample(case.inputs["wav"].numpy(), case.params["sr_in"], 16_000))
    for output in case.outputs:
        yield case.row(output, _part(output, made, case), FEATURES)


def check_spectrogram(case: Case) -> Iterator[Row]:
    """Relative to the largest of each frame."""
    samples = sinc_resample(case.inputs["wav"][None], case.params["sr_in"], STYLE_FRAMES.sample_rate)
    made = magnitudes(limited(samples), STYLE_FRAMES)
    yield case.row("frame_mean", made.mean(1), 1e-4)
    for output in ("spec_head", "spec_tail"):
        want, got = case.outputs[output], _part(output, made, case)
        largest = want.amax(1, keepdim=True)
        yield case.row(output, want + (got - want) / largest, 1e-4)


def check_mel(case: Case) -> Iterator[Row]:
    """Quiet places may be further off: the logarithm magnifies them."""
    mel = slaney_log_mel(case.inputs["audio"], MEL_VERSIONS[case.params["version"]].prompt)
    want = case.outputs["mel"]
    forgiven = torch.where(want < QUIET, want + (mel - want) * (MEL / QUIET_MEL), mel)
    yield case.row("mel", forgiven, MEL)
    yield case.row("mel_norm", normalized(forgiven), MEL)
    first = denormalized(normalized(mel))[:, :, : case.outputs["mel_denorm_first_frames"].shape[2]]
    yield case.row("mel_denorm_first_frames", first, MEL)


def check_mel_bank(case: Case) -> Iterator[Row]:
    """Rows and sums of the filters."""
    filters = slaney_filters(FrameSpec(case.params["sr"], case.params["n_fft"], case.params["n_fft"] // 4))
    yield case.row("rows", filters[case.params["rows"]], 1e-6)
    yield case.row("row_sums", filters.sum(1), 1e-6)
    yield case.row("column_sums", filters.sum(0), 1e-6)


def check_filter_bank(case: Case) -> Iterator[Row]:
    """Kaldi's."""
    yield case.row("fbank", filter_bank(case.inputs["audio"][0]), BANK)


def check_speaker(case: Case, network: SpeakerNetwork) -> Iterator[Row]:
    """A filter bank to a speaker vector, relative to the largest of it."""
    want = case.outputs["embedding"]
    got = network(case.inputs["fbank"])
    yield case.row("embedding", want + (got - want) / want.abs().max(), VECTOR)


def check_splice(case: Case) -> Iterator[Row]:
    """Fragments joined where they fit."""
    yield case.row("audio", splice(case.listed("fragment"), case.params["overlap"], case.params["search"]), SPLICED)


def _part(output: str, made: Tensor, case: Case) -> Tensor:
    """The first or last samples or frames, as many as were recorded."""
    length = case.outputs[output].shape[-1]
    return made[..., -length:] if output.endswith("tail") else made[..., :length] if output.endswith("head") else made


def check_text(goldens: Goldens) -> Iterator[Row]:
    """All recorded texts.

    What the reference's front end makes of a text is not compared: Vivace reads texts its own way. The phones that were
    recorded must have the recorded ids.
    """
    recorded = goldens.json("text/cases.json")
    for version in ("v1", "v2"):
        listed, want = symbols(version), recorded["symbols"][version]
        digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()
        yield equal(f"text/symbols {version}", (len(listed), digest), (want["count"], want["sha256"]))
    for group in ("zh_word_pinyin", "zh_given_pinyin", "en", "mixed"):
        for case in recorded[group]:
            if "ids" in case:
                yield equal(f"text/{group} {case['text'][:12]}: ids", phone_ids(case["phones"], "v2"), case["ids"])
    for case in recorded["split"]:
        name = f"text/split {case['method']} {case['text'][:8]!r}"
        yield equal(name, split_text(case["text"], case["method"]), case["pieces"])
    for case in recorded["pre_segment"]:
        name = f"text/pre_segment {case['method']} {case['lang']} {case['text'][:8]!r}"
        yield equal(name, presplit(case["text"], case["method"], english=case["lang"] == "en"), case["pieces"])
