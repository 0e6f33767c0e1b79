"""Weights of a Vocos are read wherever they are, and written so that everybody can read them."""

from pathlib import Path

import pytest
import torch

from vivace.errors import WeightsMismatchError, WeightsNotFoundError
from vivace.models.registry import embedded_root
from vivace.train.vocoder.state import moving_average, new_vocos, read_vocos, write_vocos
from vivace.vocoder.weights import build_vocos
from vivace.weights.load import load_modules, read_tensors, write_tensors


def test_what_is_written_is_what_the_pipeline_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vocos = new_vocos(20, 8, 16, 2)
    write_vocos(tmp_path / "vocos.safetensors", vocos)
    assert "backbone.convnext.1.gamma" in read_tensors(tmp_path / "vocos.safetensors")[0]
    loaded, part = build_vocos(
        tmp_path / "vocos.safetensors", input_channels=20, dim=8, intermediate_dim=16, num_layers=2
    )
    load_modules([part])
    mel = torch.randn(1, 20, 9)
    torch.testing.assert_close(loaded(mel), vocos(mel))
    torch.testing.assert_close(read_vocos(tmp_path)(mel), vocos(mel))  # the folder has it


@pytest.mark.parametrize("prefix", ["model.", "generator."])
def test_states_of_training_runs(tmp_path: Path, prefix: str) -> None:
    vocos = new_vocos(20, 8, 16, 1)
    tensors = {prefix + key: value for key, value in vocos.state_dict().items()}
    write_tensors(tmp_path / "state.safetensors", tensors | {"adamw.generator.0.step": torch.zeros(())})
    mel = torch.randn(1, 20, 9)
    torch.testing.assert_close(read_vocos(tmp_path / "state.safetensors")(mel), vocos(mel))


def test_the_averaged_weights_come_first(tmp_path: Path) -> None:
    vocos, average = new_vocos(20, 8, 16, 1), new_vocos(20, 8, 16, 1)
    tensors = {f"generator.{key}": value for key, value in vocos.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.state_dict().items()}
    write_tensors(tmp_path / "state.safetensors", tensors)
    mel = torch.randn(1, 20, 9)
    torch.testing.assert_close(read_vocos(tmp_path / "state.safetensors")(mel), average(mel))


def test_the_embedded_voices_vocoder() -> None:
    vocos = read_vocos(embedded_root())
    assert vocos.backbone.embed.in_channels == 100
    assert next(vocos.parameters()).dtype == torch.float32


def test_what_is_no_vocos_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "other.safetensors", {"weight": torch.zeros(3)})
    with pytest.raises(WeightsMismatchError, match="holds no Vocos"):
        read_vocos(tmp_path / "other.safetensors")
    with pytest.raises(WeightsNotFoundError, match=r"no vocos.safetensors or asset/Vocos.safetensors"):
        read_vocos(tmp_path)


def test_the_moving_average_begins_at_the_weights_and_follows_slowly() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(0.0)
        average = moving_average(module, 0.9)
        module.weight.fill_(1.0)
    for _ in range(2):
        average.update_parameters(module)
    (weight,) = average.module.parameters()
    assert float(weight) == pytest.approx(1 - 0.9**2)
    assert not weight.requires_grad


def test_the_moving_average_is_the_plain_formula_to_the_bit() -> None:
    torch.manual_seed(0)
    vocos = new_vocos(20, 8, 16, 1)
    average, plain = moving_average(vocos, 0.99), [p.detach().clone() for p in vocos.parameters()]
    for _ in range(5):
        with torch.no_grad():
            for p in vocos.parameters():
                p.add_(torch.randn_like(p))
            for slow, now in zip(plain, vocos.parameters(), strict=True):
                slow.lerp_(now, 1 - 0.99)
        average.update_parameters(vocos)
    assert all(map(torch.equal, average.module.parameters(), plain))
