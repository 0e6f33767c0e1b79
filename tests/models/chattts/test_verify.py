from pathlib import Path
from shutil import copytree

import pytest
import torch
from safetensors.torch import load_file, save_file

from vivace.bench.verify import verify_folder
from vivace.errors import InputError, WeightsError
from vivace.models.verification import compare

GOLDENS = Path(__file__).parents[2] / "goldens" / "chattts"


def test_every_recorded_array_is_within_its_tolerance() -> None:
    rows = verify_folder(GOLDENS)
    assert [row for row in rows if not row.ok] == []
    assert len(rows) > 900


@pytest.mark.parametrize(
    ("file", "tensor", "stage"),
    [
        ("gpt/model.safetensors", "layers.1.self_attn.v_proj.weight", "03_gpt.npz:"),
        ("Decoder.safetensors", "out_conv.weight", "05_dvae.npz:decoder_mel"),
        ("Vocos.safetensors", "head.out.weight", "06_vocos.npz:wav"),
    ],
)
def test_one_weight_changed_by_a_hundredth_is_noticed(tmp_path: Path, file: str, tensor: str, stage: str) -> None:
    folder = copytree(GOLDENS, tmp_path / "goldens")
    path = folder / "checkpoint" / "asset" / file
    tensors = load_file(path)
    tensors[tensor] = tensors[tensor] * 1.01
    save_file(tensors, path)

    missed = [row.name for row in verify_folder(folder) if not row.ok]

    assert any(name.startswith(stage) for name in missed)
    assert any("sha256" in name for name in missed)


def test_a_folder_without_goldens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no goldens"):
        verify_folder(tmp_path)


def test_a_truncated_checkpoint_is_an_error_not_a_crash(tmp_path: Path) -> None:
    folder = copytree(GOLDENS, tmp_path / "goldens")
    path = folder / "checkpoint" / "asset" / "Vocos.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"Vocos\.safetensors"):
        verify_folder(folder)


def test_compare_wants_infinities_in_the_same_places() -> None:
    inf = float("inf")
    assert compare("x", [1.0, -inf], [1.0, -inf]).ok
    assert not compare("x", [1.0, 0.0], [1.0, -inf]).ok
    assert not compare("x", torch.zeros(2), [0.0]).ok
    assert compare("x", [1.0], [1.1], 0.2).error == pytest.approx(0.1)
