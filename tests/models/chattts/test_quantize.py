from pathlib import Path

import pytest
import torch

from vivace.errors import InputError, SettingsError
from vivace.layers.attention import GrowingKV
from vivace.models.chattts.checkpoint.parts import ChatTTSParts, load_chattts
from vivace.models.chattts.checkpoint.quantize import quantize_checkpoint
from vivace.models.registry import embedded_root
from vivace.types import Precision, PrecisionChoice


def logits(parts: ChatTTSParts) -> torch.Tensor:
    """Of a prompt of codes and one step more."""
    model = parts.model
    mode = model.code_mode
    codes = torch.randint(0, mode.spec.vocabulary - 1, (1, 9, 4), generator=torch.Generator().manual_seed(0))
    store = GrowingKV(mode.spec.layers)
    with torch.inference_mode():
        x = mode.embed(codes)
        first = mode.forward(x[:, :8], torch.arange(8)[None], store)[:, -1]
        last = mode.forward(x[:, 8:], torch.tensor([[8]]), store)[:, -1]
        return mode.logits(torch.cat((first, last)))


@pytest.mark.parametrize(("precision", "megabytes"), [("bfloat16", 11), ("int8", 8), ("int4", 6.3)])
def test_a_written_checkpoint_speaks_as_quantizing_at_load_does(
    tmp_path: Path, precision: Precision, megabytes: float
) -> None:
    target = quantize_checkpoint(embedded_root(), tmp_path / "small", precision)
    want = logits(load_chattts(embedded_root(), precision=precision))
    # The kind of CPU decides what bfloat16 is multiplied in, unless it is asked for.
    asked: PrecisionChoice = "bfloat16" if precision == "bfloat16" else "auto"
    assert torch.equal(logits(load_chattts(target, precision=asked)), want)
    assert (target / "asset/gpt/model.safetensors").stat().st_size < megabytes * 1e6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small"]


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.02), ("int8", 0.06), ("int4", 0.25)])
def test_the_embedded_voice_says_nearly_the_same_in_fewer_bits(precision: Precision, tolerance: float) -> None:
    want = logits(load_chattts(embedded_root()))
    got = logits(load_chattts(embedded_root(), precision=precision))
    error = (got.softmax(-1) - want.softmax(-1)).abs().sum(-1) / 2  # share of the probability that moves, by head
    assert 0 < float(error.mean()) < tolerance


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already"):
        quantize_checkpoint(embedded_root(), tmp_path, "int8")


def test_quantized_files_cannot_become_something_else(tmp_path: Path) -> None:
    target = quantize_checkpoint(embedded_root(), tmp_path / "small", "int8")
    with pytest.raises(SettingsError, match="quantized to int8; set it to 'auto'"):
        load_chattts(target, precision="float32")
