from pathlib import Path

import pytest
import torch

from vivace.models import precision
from vivace.models.chattts.checkpoint.parts import load_chattts
from vivace.models.precision import LARGE_FRAME_WEIGHTS, choose_frame_precision

CPU = torch.device("cpu")
GOLDENS = Path(__file__).parents[1] / "goldens" / "chattts" / "checkpoint"


def test_auto_is_bfloat16_for_large_networks_on_cpus_that_multiply_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: True)
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, CPU) == torch.bfloat16
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS - 1, CPU) == torch.float32
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, torch.device("cuda")) == torch.float32
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: False)
    assert choose_frame_precision("auto", LARGE_FRAME_WEIGHTS, CPU) == torch.float32
    assert choose_frame_precision("bfloat16", 1, CPU) == torch.bfloat16


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
