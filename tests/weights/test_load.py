from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vivace.errors import UnsafeFileError, WeightsError, WeightsMismatchError, WeightsNotFoundError
from vivace.weights.keymap import KeyMap
from vivace.weights.load import ModulePart, fold_weight_norm, load_modules, write_tensors

NAMES = KeyMap(rules=((r"net\.(.+)", r"\1"),))


class Tiny(nn.Module):
    scale: Tensor
    steps: Tensor

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.up = nn.Linear(4, width)
        self.register_buffer("scale", torch.ones(1, width))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


def on_meta(width: int = 3) -> Tiny:
    with torch.device("meta"):
        return Tiny(width)


def tensors(width: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "net.up.weight": torch.randn(width, 4),
        "net.up.bias": torch.randn(width),
        "net.scale": torch.randn(1, width),
        "net.steps": torch.tensor(7),
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    write_tensors(path, tensors())
    return path


def test_parameters_and_buffers_are_filled(file: Path) -> None:
    module = on_meta()
    load_modules([ModulePart(module, file, NAMES)])
    for key, value in tensors().items():
        torch.testing.assert_close(module.state_dict()[key.removeprefix("net.")], value, rtol=0, atol=0)
    assert isinstance(module.up.weight, nn.Parameter)


@pytest.mark.parametrize("stored", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("wanted", [torch.float32, torch.float16])
def test_floats_become_the_type_that_is_asked_for(tmp_path: Path, stored: torch.dtype, wanted: torch.dtype) -> None:
    path = tmp_path / "half.safetensors"
    kept = {key: value.to(stored) if value.is_floating_point() else value for key, value in tensors().items()}
    write_tensors(path, kept)
    module = on_meta()
    load_modules([ModulePart(module, path, NAMES)], dtype=wanted)
    assert module.up.weight.dtype == module.scale.dtype == wanted
    assert module.steps.dtype == torch.int64
    torch.testing.assert_close(module.up.weight.detach(), kept["net.up.weight"].to(wanted), rtol=0, atol=0)


def test_later_changes_of_the_file_do_not_reach_the_module(file: Path) -> None:
    module = on_meta()
    load_modules([ModulePart(module, file, NAMES)])
    before = module.up.weight.detach().clone()
    with file.open("r+b") as opened:
        opened.seek(-200, 2)
        opened.write(b"\x7f" * 200)
    assert torch.equal(module.up.weight.detach(), before)


def test_weight_norm_is_folded_row_by_row(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(4, 3, bias=False)
    normed = nn.utils.parametrizations.weight_norm(plain, dim=0)
    with torch.no_grad():
        normed.parametrizations["weight"].original0 *= 1.7
    path = tmp_path / "normed.safetensors"
    write_tensors(path, normed.state_dict())
    with torch.device("meta"):
        module = nn.Linear(4, 3, bias=False)
    load_modules([ModulePart(module, path, KeyMap(weight_norm=((r"parametrizations\.weight", "weight"),)))])
    torch.testing.assert_close(module.weight.detach(), normed.weight.detach(), rtol=0, atol=1e-7)


def test_folding_a_convolution_takes_all_axes_but_the_first() -> None:
    torch.manual_seed(0)
    g, v = torch.rand(5, 1, 1), torch.randn(5, 2, 3)
    want = g * v / v.square().sum((1, 2), keepdim=True).sqrt()
    torch.testing.assert_close(fold_weight_norm(g, v.clone()), want)


def test_half_precision_is_folded_in_full(tmp_path: Path) -> None:
    v = torch.full((1, 300), 30.0, dtype=torch.float16)  # its squares alone exceed what 16 bits hold
    torch.testing.assert_close(fold_weight_norm(torch.ones(1, 1), v), torch.full((1, 300), 300**-0.5))


def test_every_mismatch_of_every_part_is_in_one_error(tmp_path: Path) -> None:
    first, second = tensors(), tensors()
    del first["net.up.bias"]
    first["net.extra"] = torch.zeros(2, 2)
    second["net.scale"] = torch.zeros(1, 9)
    for name, content in (("first", first), ("second", second)):
        write_tensors(tmp_path / f"{name}.safetensors", content)
    modules = on_meta(), on_meta()
    parts = [
        ModulePart(module, tmp_path / f"{name}.safetensors", NAMES)
        for module, name in zip(modules, ("first", "second"), strict=True)
    ]
    with pytest.raises(WeightsMismatchError) as caught:
        load_modules(parts)
    lines = str(caught.value).splitlines()
    assert "1 missing, 1 unexpected, 1 misshapen" in lines[0]
    assert [line.strip() for line in lines[1:]] == [
        "first.safetensors: missing up.bias: expected [3]",
        "first.safetensors: unexpected net.extra: found [2, 2]",
        "second.safetensors: misshapen net.scale: expected [1, 3], found [1, 9]",
    ]
    assert all(tensor.is_meta for module in modules for tensor in module.state_dict().values())  # nothing was read


def test_a_long_list_of_mismatches_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "many.safetensors"
    write_tensors(path, tensors() | {f"x{i}": torch.zeros(1) for i in range(100)})
    with pytest.raises(WeightsMismatchError) as caught:
        load_modules([ModulePart(on_meta(), path, NAMES)])
    first, *rows = str(caught.value).splitlines()
    assert "100 unexpected" in first
    assert sorted(rows) == sorted(f"  many.safetensors: unexpected x{i}: found [1]" for i in range(100))


def test_the_halves_of_a_normalized_weight_have_shapes_too(tmp_path: Path) -> None:
    path = tmp_path / "normed.safetensors"
    write_tensors(path, {"w.original0": torch.ones(4, 1), "w.original1": torch.ones(3, 4)})
    with torch.device("meta"):
        module = nn.Linear(4, 3, bias=False)
    with pytest.raises(WeightsMismatchError, match=r"w\.original0: expected \[3, 1\], found \[4, 1\]"):
        load_modules([ModulePart(module, path, KeyMap(weight_norm=(("w", "weight"),)))])


def test_two_tensors_for_one_place(tmp_path: Path) -> None:
    path = tmp_path / "twice.safetensors"
    write_tensors(path, tensors() | {"up.bias": torch.zeros(3)})
    with pytest.raises(WeightsMismatchError, match=r"a second tensor for up\.bias"):
        load_modules([ModulePart(on_meta(), path, NAMES)])


def test_what_is_ignored_may_be_anything(tmp_path: Path) -> None:
    path = tmp_path / "more.safetensors"
    write_tensors(path, tensors() | {"net.mel.window": torch.zeros(1024), "net.mel.filters": torch.zeros(9)})
    module = on_meta()
    load_modules([ModulePart(module, path, NAMES, ignore=(r"net\.mel\..+",))])
    assert not module.up.weight.is_meta


def test_what_is_optional_may_be_missing_but_not_misshapen(tmp_path: Path) -> None:
    path = tmp_path / "less.safetensors"
    content = tensors()
    del content["net.scale"]
    write_tensors(path, content)
    module = on_meta()
    load_modules([ModulePart(module, path, NAMES, optional=("scale",))])
    assert module.scale.is_meta
    write_tensors(path, content | {"net.scale": torch.zeros(5)})
    with pytest.raises(WeightsMismatchError, match=r"net\.scale"):
        load_modules([ModulePart(on_meta(), path, NAMES, optional=("scale",))])


@pytest.mark.parametrize("keep", [0, 4, 60, -8])
def test_a_truncated_file(file: Path, keep: int) -> None:
    file.write_bytes(file.read_bytes()[: keep or None] if keep else b"")
    with pytest.raises(WeightsError, match=r"tiny\.safetensors is damaged .*fetch it again"):
        load_modules([ModulePart(on_meta(), file, NAMES)])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"no weights file .*none\.safetensors"):
        load_modules([ModulePart(on_meta(), tmp_path / "none.safetensors")])


@pytest.mark.parametrize("name", ["model.pt", "model.bin", "model.ckpt", "model.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_never_opened(tmp_path: Path, name: str, zipped: bool) -> None:
    path = tmp_path / name
    torch.save(tensors(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeFileError, match=r"is a pickle.*vivace models convert"):
        load_modules([ModulePart(on_meta(), path, NAMES)])
