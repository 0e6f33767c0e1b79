"""Every module of GPT-SoVITS at its published size against the reference, on weights that their names decide."""

import math
from pathlib import Path

import pytest
import torch
from fakes.hashed_weights import fill, header_of, integers, parameter, symmetric, uniform
from torch import Tensor

from vivace.layers.attention import GrowingKV
from vivace.layers.hifigan import HiFiGANConfig, HiFiGANGenerator
from vivace.models.gpt_sovits.checkpoint import load
from vivace.models.gpt_sovits.checkpoint.config import s1_config, s2_config
from vivace.models.gpt_sovits.random_weights import hifigan_shapes, hubert_shapes, s1_shapes, s2_shapes, speaker_shapes
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork, SpeakerSizes
from vivace.models.gpt_sovits.reference.hubert import HUBERT_KEYS, Hubert, HubertSizes
from vivace.models.gpt_sovits.reference.spectra import (
    FrameSpec,
    filter_bank,
    magnitudes,
    sinc_resample,
    slaney_filters,
    slaney_log_mel,
)
from vivace.models.gpt_sovits.s2.condition import MEL_VERSIONS, FlowMatchingModel
from vivace.models.gpt_sovits.s2.flow_matching import solve
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.model import S1_KEYS, S1Model
from vivace.models.gpt_sovits.t2s.prompt import S1Input, s1_prompt
from vivace.models.gpt_sovits.verify.s2 import best_shift, splice
from vivace.models.gpt_sovits.verify.t2s import S1Sampling, generate
from vivace.weights.keymap import IDENTITY

FILE = Path("published")
VECTORS = Path(__file__).parents[2] / "goldens" / "gpt_sovits_vectors" / "vectors.tsv"
WANTED = {
    (model, name): (int(count), [float(x) for x in (mean, rms, *values.split())])
    for line in VECTORS.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for model, name, count, mean, rms, values in [line.split("\t")]
}
SIZES = {
    "heads": 2,
    "rates": [10, 8, 2, 2, 2],
    "block_kernels": [3, 7, 11],
    "dilations": [[1, 3, 5]] * 3,
}
WITHOUT_REPETITION = [
    *(922, 865, 968, 475, 339, 253, 645, 334, 753, 871, 201, 96, 487),
    *(671, 558, 443, 275, 794, 104, 454, 575, 544, 13, 581, 571),
]


def check(model: str, name: str, got: Tensor, tolerance: float = 1e-4) -> None:
    """Seven values, the mean and the root mean square, to a share of the latter."""
    count, want = WANTED[model, name]
    flat = got.flatten().double()
    assert len(flat) == count, f"{model} {name}"
    places = [0, 1, 2, count // 3, count // 2, count - 2, count - 1]
    found = [float(flat.mean()), float(flat.pow(2).mean().sqrt()), *(float(flat[i]) for i in places)]
    # The listed numbers have seven digits; the mean of large opposite numbers is known no better than they are.
    assert found == pytest.approx(want, abs=tolerance * want[1], rel=0), f"{model} {name}"


@torch.inference_mode()
def test_the_generator_of_weights_is_the_one_that_the_vectors_were_made_with() -> None:
    assert uniform("test.key", (4,)).tolist() == pytest.approx([0.931658905, 0.400811727, 0.002812432, 0.638468978])


@pytest.mark.slow
@torch.inference_mode()
def test_s1() -> None:
    shapes = s1_shapes()
    with torch.device("meta"):
        model = S1Model(s1_config(FILE, header_of(shapes), {"heads": 16}))
    fill(model, S1_KEYS, shapes, prefix="model.")
    phones, prompt = integers("in.phones", (24,), 732), integers("in.prompt", (18,), 1024)
    given = s1_prompt(model, [S1Input(phones, symmetric("in.bert", (1024, 24)).T, prompt)])
    placed = model.place(given.prompt.embeddings, given.positions)
    check("s1", "text", placed[:, :24])
    check("s1", "prompt", placed[:, 24:])
    keys: dict[int, Tensor] = {}

    class Watched(GrowingKV):
        def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys[layer] = k.transpose(1, 2).flatten(2)
            return super().attend(layer, q, k, v)

    hidden = model(given.prompt.embeddings, given.positions, Watched(24, prefix_len=24))
    check("s1", "hidden", hidden)
    check("s1", "logits", model.logits(hidden[:, -1]))
    check("s1", "keys", keys[23])
    rest = [489, 291, 347, 143, 759]
    for penalty, want in ((1.35, rest + [489] * 25), (6.0, rest + WITHOUT_REPETITION)):
        sampling = S1Sampling(top_k=1, repetition_penalty=penalty)
        trace = generate(model, given, [prompt], sampling, 29)[0]
        assert trace.new == want
        assert trace.stopped_at == 29


@pytest.mark.parametrize("version", ["v1", "v2", "v2ProPlus"])
@torch.inference_mode()
def test_vits(version: str) -> None:
    shapes = s2_shapes(version)
    with torch.device("meta"):
        model = VitsModel(s2_config(FILE, header_of(shapes), SIZES))
    fill(model, load.VITS_KEYS, shapes)
    codes, phones = integers("in.codes", (1, 12), 1024), integers("in.text", (1, 9), 322)
    spectrogram = uniform("in.spec", (1, 1025, 40))
    check(version, "codebook", model.quantizer.decode(codes)[:, :, ::2])
    check(version, "style", model.ref_enc(spectrogram))
    speakers = [symmetric("in.sv", (1, 20480))] if version == "v2ProPlus" else []
    style = model.style([spectrogram], speakers)
    if speakers:
        check(version, "ge", style.decoder)
        check(version, "ge_text", style.encoder)
    hidden = model.hidden(codes, phones, style)
    check(version, "content", hidden)
    prior = model.prior(hidden)
    check(version, "mean", prior.mean)
    check(version, "log_deviation", prior.log_deviation)
    latent = prior.sample(symmetric("in.noise", (1, 192, 24), math.sqrt(3)))
    check(version, "latent", model.flow.inverse(latent, style.decoder))
    check(version, "wave", model.wave(latent, style))
    heard = model.quantizer.encode(symmetric("in.ssl", (1, 768, 30)))
    assert heard[0].tolist() == [504, 813, 129, 312, 768, 416, 468, 183, 324, 537, 401, 509, 312, 933, 289]


@pytest.mark.slow
@torch.inference_mode()
def test_flow_matching() -> None:
    shapes = s2_shapes("v3")
    with torch.device("meta"):
        model = FlowMatchingModel(s2_config(FILE, header_of(shapes), SIZES), MEL_VERSIONS["v3"])
    rates = 10_000.0 ** (-torch.arange(0, 64, 2) / 64)
    fill(model, load.FLOW_MATCHING_KEYS, shapes, given={"estimator.inv_freq": rates})
    codes, phones = integers("in.codes", (1, 12), 1024), integers("in.text", (1, 9), 322)
    style = model.style(uniform("in.spec", (1, 1025, 40)))
    for version in ("v3", "v4"):
        model.version = MEL_VERSIONS[version]
        check(version, "condition", model.condition(codes, phones, style))
        check(version, "condition_fast", model.condition(codes, phones, style, speed=1.1))
    network = model.estimator
    check("v3", "time", network.time_embed(torch.tensor([0.25])))
    check("v3", "step", network.d_embed(torch.tensor([0.125])))
    condition, x = symmetric("in.mu", (1, 512, 20)), symmetric("in.x", (1, 100, 20), math.sqrt(3))
    prompt = symmetric("in.prompt_mel", (1, 100, 8))
    given = torch.zeros_like(x)
    given[:, :, :8] = prompt
    text = network.text(condition)
    check("v3", "text", text)
    check("v3", "velocity", network(x, given, text, network.modulations(0.25, 0.125)).transpose(1, 2))
    check("v3", "solved", solve(network, condition, prompt, x, 4))
    check("v3", "guided", solve(network, condition, prompt, x, 4, guidance=0.7))


@torch.inference_mode()
def test_the_v4_vocoder() -> None:
    config = HiFiGANConfig(100, 512, rates=(10, 6, 2, 2, 2), kernels=(20, 12, 4, 4, 4))
    with torch.device("meta"):
        generator = HiFiGANGenerator(config)
    fill(generator, IDENTITY, dict(hifigan_shapes()))
    check("other", "hifigan", generator(symmetric("in.mel", (1, 100, 6), 2)))


@torch.inference_mode()
def test_hubert() -> None:
    shapes = dict(hubert_shapes())
    name = "encoder.pos_conv_embed.conv"
    g, v = (parameter(f"{name}.weight_{half}", shapes.pop(f"{name}.weight_{half}")) for half in "gv")
    folded = {f"{name}.weight": (768, 48, 128)}
    with torch.device("meta"):
        network = Hubert(HubertSizes.of(header_of(shapes | folded)))
    weight = g * v / torch.linalg.vector_norm(v, dim=(0, 1), keepdim=True)
    fill(network, HUBERT_KEYS, shapes, given={"positions.weight": weight})
    samples = symmetric("in.wav", (1, 16_000), 0.5)
    check("other", "hubert_stem", network.stem(samples))
    check("other", "hubert", network(samples).transpose(1, 2))


@torch.inference_mode()
def test_the_speaker_network() -> None:
    shapes = dict(speaker_shapes())
    with torch.device("meta"):
        network = SpeakerNetwork(SpeakerSizes.of(header_of(shapes)))
    counters = {key: torch.zeros((), dtype=torch.long) for key in network.state_dict() if key.endswith("tracked")}
    fill(network, IDENTITY, shapes, given=counters)
    bank = filter_bank(two_tones(16_000))
    check("other", "speaker", network(bank[None]), 1e-3)


def two_tones(rate: int) -> Tensor:
    """A second of two sines, ``[N]``."""
    time = torch.arange(rate, dtype=torch.float64) / rate
    return (0.5 * (2 * math.pi * 220 * time).sin() + 0.25 * (2 * math.pi * 1330 * time + 0.3).sin()).float()


def test_spectrograms() -> None:
    check("other", "magnitudes", magnitudes(two_tones(32_000)[None], FrameSpec(32_000, 2048, 640)))
    check("other", "filter_bank", filter_bank(two_tones(16_000)), 1e-3)
    for version, rate in (("v3", 24_000), ("v4", 32_000)):
        spec = MEL_VERSIONS[version].prompt
        check("other", f"mel_{version}", slaney_log_mel(two_tones(rate)[None], spec))
        check("other", f"mel_filters_{version}", slaney_filters(spec))


@pytest.mark.parametrize(("old", "new"), [(44100, 32000), (32000, 16000), (48000, 24000), (24000, 48000)])
def test_resampling(old: int, new: int) -> None:
    check("other", f"resample_{old}_{new}", sinc_resample(symmetric("in.wave", (1, 2000)), old, new))


def test_splicing() -> None:
    base = symmetric("in.sola", (5000,))
    first, second = base[:2000], base[1543:3543] + symmetric("in.sola2", (2000,), 0.1)
    assert best_shift(first[-400:], second[:720]) == 57
    check("other", "splice", splice([first, second], 400))
