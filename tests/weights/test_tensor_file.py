from pathlib import Path

import pytest
import torch

from vivace.errors import UnsafeFileError, WeightsError, WeightsNotFoundError
from vivace.weights.tensor_file import read_header, read_tensor, read_tensors, write_tensors

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2], dtype=torch.int32)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TENSORS, {"who": "薇", "n": "1"})
    tensors, metadata = read_tensors(path)
    assert metadata == {"who": "薇", "n": "1"}
    assert tensors.keys() == TENSORS.keys()
    for key, tensor in TENSORS.items():
        assert tensors[key].dtype == tensor.dtype
        assert torch.equal(tensors[key], tensor)
        assert torch.equal(read_tensor(path, key), tensor)
    assert read_header(path)["a"].shape == (2, 3)
    assert read_header(path)["b"].dtype == torch.int32


def test_a_file_without_metadata(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x.safetensors", TENSORS)
    assert read_tensors(tmp_path / "x.safetensors")[1] == {}


def test_views_and_transposes_are_written_as_they_look(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x.safetensors", {"t": TENSORS["a"].T})
    assert torch.equal(read_tensors(tmp_path / "x.safetensors")[0]["t"], TENSORS["a"].T)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TENSORS)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="share memory"):
        write_tensors(path, {"one": TENSORS["a"], "other": TENSORS["a"]})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        write_tensors(tmp_path / "nowhere" / "x.safetensors", TENSORS)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    text = tmp_path / "text.safetensors"
    text.write_text("this is a text, and not a table of tensors")
    for path, error in ((text, WeightsError), (tmp_path, WeightsError), (tmp_path / "no", WeightsNotFoundError)):
        with pytest.raises(error) as caught:
            read_tensors(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_pickle_under_a_false_name(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    torch.save(TENSORS, path)
    with pytest.raises(UnsafeFileError, match="is a pickle"):
        read_tensors(path)
