from pathlib import Path

import pytest
import torch

from vivace.errors import SettingsError
from vivace.models import precision
from vivace.models.chattts.checkpoint.parts import load_chattts
from vivace.models.precision import LARGE_FRAME_WEIGHTS, choose_frame_precision
from vivace.runtime import device

CPU = torch.device("cpu")
GOLDENS = Path(__file__).parents[1] / "goldens" / "chattts" / "checkpoint"


def test_auto_without_kernels_is_bfloat16_for_large_networks_on_cpus_that_multiply_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: True)
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, CPU) == "bfloat16"
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, CPU, int16=False) == "bfloat16"
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS - 1, CPU) == "float32"
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, torch.device("cuda")) == "float32"
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: False)
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, CPU) == "float32"
    assert choose_frame_precision("bfloat16", 1, CPU) == "bfloat16"


def test_auto_is_int16_where_the_kernels_are_quick_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: True)
    monkeypatch.setattr(precision, "multiplies_bfloat16_in_tiles", lambda device: False)
    for weights in (1, LARGE_FRAME_WEIGHTS):
        assert choose_frame_precision("auto", weights, CPU, int16=True) == "int16"
    monkeypatch.setattr(precision, "multiplies_bfloat16_in_tiles", lambda device: True)
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, CPU, int16=True) == "bfloat16"
    assert choose_frame_precision("auto", 1, CPU, int16=True) == "int16"


def test_int16_needs_the_kernels() -> None:
    assert choose_frame_precision("int16", 1, CPU, int16=True) == "int16"
    assert choose_frame_precision("int16", 1, CPU) == "float32"  # a network that they do not run: as with auto
    with pytest.raises(SettingsError, match=r"'int16'.*set it to 'auto'"):
        choose_frame_precision("int16", 1, CPU, int16=False)
    with pytest.raises(SettingsError, match="'int16'"):
        load_chattts(GOLDENS, vocoder_precision="int16")


def test_bfloat16_is_not_chosen_where_torch_is_told_to_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert not device.multiplies_bfloat16(CPU)
    assert not device.multiplies_bfloat16_in_tiles(CPU)


def test_bfloat16_frames_are_close_and_the_ears_stay_exact() -> None:
    exact, coarse = (load_chattts(GOLDENS, vocoder_precision=name) for name in ("float32", "bfloat16"))
    hidden = torch.randn(1, exact.model.decoder.width, 30)
    torch.manual_seed(0)
    mel, other = exact.model.decoder(hidden), coarse.model.decoder(hidden)
    assert 0 < float((mel - other).abs().max()) < 0.05 * float(mel.abs().max())
    wave, heard = exact.vocoder(mel), coarse.vocoder(mel)
    assert 0 < float((wave - heard).square().mean()) < 1e-3 * float(wave.square().mean())  # 30 dB below
    assert exact.model.dvae is not None
    assert coarse.model.dvae is not None
    samples = torch.randn(1, 24_000)
    assert torch.equal(exact.model.dvae.encode(samples), coarse.model.dvae.encode(samples))
