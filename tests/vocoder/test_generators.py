"""HiFi-GAN and BigVGAN: recorded waves, published sizes, and how far they see."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vivace.errors import WeightsMismatchError
from vivace.layers.hifigan import HiFiGANConfig
from vivace.models.gpt_sovits.checkpoint.convert import vocoder_part
from vivace.vocoder.bigvgan import AliasFreeSnake, BigVGAN, BigVGANConfig, low_pass
from vivace.vocoder.hifigan import HiFiGAN
from vivace.vocoder.vocos import Vocos
from vivace.vocoder.weights import bigvgan_config, build_bigvgan, build_hifigan
from vivace.weights.load import load_modules, read_tensors
from vivace.weights.tensor_file import write_tensors

GOLDENS = Path(__file__).parents[1] / "goldens" / "gpt_sovits" / "vocoders"
TINY_HIFIGAN = HiFiGANConfig(6, 16, (5, 2, 2), (9, 6, 4))
TINY_BIGVGAN = BigVGANConfig(6, 16, (4, 2, 2), (8, 4, 4))


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    return read_tensors(GOLDENS / "arrays.safetensors")[0]


def converted(source: Path, config: Path | None, file: Path) -> None:
    tensors, _ = vocoder_part(source, config)
    write_tensors(file, tensors)


@pytest.mark.parametrize(
    ("mel", "wave"),
    [
        ("bigvgan.in.mel", "hifigan_v4.out.audio"),
        ("hifigan_v4_batch2_short.in.mel", "hifigan_v4_batch2_short.out.audio"),
    ],
)
def test_hifigan_makes_the_recorded_waves(mel: str, wave: str, arrays: dict[str, Tensor], tmp_path: Path) -> None:
    converted(GOLDENS / "vocoder_v4.pth", None, tmp_path / "v.safetensors")
    hifigan, part = build_hifigan(tmp_path / "v.safetensors")
    load_modules([part])
    got = hifigan.requires_grad_(False)(arrays[mel])
    torch.testing.assert_close(got, arrays[wave][:, 0], atol=3e-4, rtol=0)


@pytest.mark.parametrize("name", ["bigvgan", "bigvgan_batch2_short"])
def test_bigvgan_makes_the_recorded_waves(name: str, arrays: dict[str, Tensor], tmp_path: Path) -> None:
    config = GOLDENS / "bigvgan" / "config.json"
    converted(GOLDENS / "bigvgan" / "bigvgan_generator.pt", config, tmp_path / "v.safetensors")
    bigvgan, part = build_bigvgan(tmp_path / "v.safetensors", json.loads(config.read_text()))
    load_modules([part])
    got = bigvgan.requires_grad_(False)(arrays[f"{name}.in.mel"])
    torch.testing.assert_close(got, arrays[f"{name}.out.audio"][:, 0], atol=3e-4, rtol=0)


@pytest.mark.parametrize("name", ["activation", "activation_1_sample", "activation_5_samples"])
def test_the_activation_is_the_recorded_one(name: str, arrays: dict[str, Tensor]) -> None:
    snake = AliasFreeSnake(6).requires_grad_(False)
    snake.act.load_state_dict({key: arrays[f"activation.{key}"] for key in ("alpha", "beta")})
    torch.testing.assert_close(snake(arrays[f"{name}.in.x"]), arrays[f"{name}.out.out"], atol=1e-5, rtol=0)


def test_the_filter_is_the_one_in_files(arrays: dict[str, Tensor]) -> None:
    torch.testing.assert_close(low_pass(), arrays["activation.out.filter_up"].flatten(), atol=1e-6, rtol=0)


def test_published_sizes() -> None:
    with torch.device("meta"):
        hifigan, bigvgan = HiFiGAN(), BigVGAN()
    count = {type(m): sum(p.numel() for p in m.parameters()) / 1e6 for m in (hifigan, bigvgan)}
    assert count[HiFiGAN] == pytest.approx(14.4, abs=0.1)
    assert count[BigVGAN] == pytest.approx(112.4, abs=0.3)
    assert len(hifigan.state_dict()) == 194
    assert (hifigan.hop, hifigan.sample_rate, bigvgan.hop, bigvgan.sample_rate) == (480, 48_000, 256, 24_000)


@pytest.mark.parametrize(
    "vocoder",
    [
        Vocos(input_channels=6, dim=8, intermediate_dim=8, num_layers=2, n_fft=32, hop=8),
        HiFiGAN(TINY_HIFIGAN),
        HiFiGAN(HiFiGANConfig(6, 16, (8, 2, 2), (16, 2, 2))),
        BigVGAN(TINY_BIGVGAN),
    ],
    ids=["vocos", "hifigan", "hifigan-narrow", "bigvgan"],
)
def test_the_receptive_field_is_exact(vocoder: nn.Module) -> None:
    """By derivatives: samples of the middle frame depend on the frame at the far end of it, and on none beyond."""
    vocoder = vocoder.double().eval()
    reach, hop = int(vocoder.receptive_field), int(vocoder.hop)  # type: ignore[arg-type]
    torch.manual_seed(0)
    if isinstance(vocoder, Vocos):
        vocoder.head.out.weight.data *= 0.1  # or magnitudes meet their limit
    middle = reach + 3
    frames = torch.randn(1, 6, 2 * middle + 1, dtype=torch.float64, requires_grad=True)
    wave = vocoder(frames)
    wave = wave if wave.is_floating_point() else wave.real
    weights = torch.randn(hop, dtype=torch.float64)
    (wave[0, middle * hop : (middle + 1) * hop] * weights).sum().backward()
    assert frames.grad is not None
    heard = frames.grad[0].abs().amax(0) > 0
    first, last = int(heard.nonzero()[0]), int(heard.nonzero()[-1])
    assert max(middle - first, last - middle) == reach


def test_a_bigvgan_of_another_form_is_refused() -> None:
    sizes = json.loads((GOLDENS / "bigvgan" / "config.json").read_text())
    assert bigvgan_config(sizes).hop == 256
    with pytest.raises(WeightsMismatchError, match="activation 'snake'"):
        bigvgan_config(sizes | {"activation": "snake"})
    with pytest.raises(WeightsMismatchError, match="lacks num_mels"):
        bigvgan_config({key: value for key, value in sizes.items() if key != "num_mels"})
