import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vivace.errors import InputError, UnsafeFileError, WeightsError, WeightsNotFoundError
from vivace.models.chattts.checkpoint.convert import convert_chattts
from vivace.models.chattts.durations import Durations, read_durations
from vivace.models.files import check_layout
from vivace.weights.legacy_file import read_legacy, read_voice_vector
from vivace.weights.tensor_file import read_tensors, write_tensors

BLOCK = {"dwconv.weight": (8, 1, 7), "gamma": (8,), "norm.weight": (8,)}
HEAD = "parametrizations.weight"


class Trap:
    """An object that makes a folder when a pickle of it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {key: torch.randn(shape) for key, shape in shapes.items()}


def decoder() -> dict[str, Tensor]:
    return filled({"coef": (1, 100, 1), **{f"decoder.decoder_block.0.{k}": s for k, s in BLOCK.items()}})


def dvae() -> dict[str, Tensor]:
    encoder = {f"encoder.decoder_block.3.{k}": s for k, s in BLOCK.items()}
    return decoder() | filled({"out_conv.weight": (100, 8, 3), **encoder})


def vocos() -> dict[str, Tensor]:
    return filled({"backbone.convnext.0.gamma": (8,), "head.out.weight": (10, 8)})


def gpt() -> dict[str, Tensor]:
    shapes: dict[str, tuple[int, ...]] = {"emb_text.weight": (30, 16), f"head_text.{HEAD}.original0": (30, 1)}
    shapes |= {f"emb_code.{q}.weight": (9, 16) for q in range(3)}
    shapes |= {f"gpt.layers.{i}.mlp.up_proj.weight": (24, 16) for i in range(11)}
    return filled({"gpt.norm.weight": (16,), **shapes})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder as release 0.1 left it, with a tokenizer that can be read."""
    asset = tmp_path / "legacy" / "asset"
    (asset / "tokenizer").mkdir(parents=True)
    (asset / "tokenizer" / "tokenizer.json").write_text("{}")
    for name, tensors in (("Decoder", decoder()), ("DVAE_full", dvae()), ("Vocos", vocos()), ("GPT", gpt())):
        torch.save(tensors, asset / f"{name}.pt")
    torch.save(torch.arange(32).half(), asset / "spk_stat.pt")
    return asset.parent


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".vivace")]


def test_a_legacy_folder_becomes_the_published_layout(source: Path, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    report = convert_chattts(source, tmp_path / "new", progress=lambda *step: steps.append(step))
    root = tmp_path / "new"
    assert report.target == root
    assert report.notes == ()
    check_layout(root)
    made = {made.file: made for made in report.files}
    assert made["asset/DVAE.safetensors"].source == "DVAE_full.pt"
    assert made["asset/DVAE.safetensors"].renamed == 2
    assert [done for _, done, _ in steps] == list(range(len(steps)))
    assert left_behind(tmp_path) == []


def test_durations_of_phones_come_along(source: Path, tmp_path: Path) -> None:
    durations = Durations(np.array([0.0, 3.0, 5.5], np.float32))
    durations.write(source / "asset")
    convert_chattts(source, tmp_path / "new")
    found = read_durations(tmp_path / "new" / "asset", 3)
    assert found is not None
    assert found.frames.tolist() == durations.frames.tolist()


def test_the_layer_scale_is_renamed_where_it_is_in_the_published_files(source: Path, tmp_path: Path) -> None:
    convert_chattts(source, tmp_path / "new")
    for name, before in (("DVAE", dvae()), ("Decoder", decoder()), ("Vocos", vocos())):
        after, _ = read_tensors(tmp_path / "new" / "asset" / f"{name}.safetensors")
        names = {key: key if name == "Vocos" else key.replace("gamma", "weight") for key in before}
        assert after.keys() == set(names.values())
        assert all(torch.equal(after[names[key]], tensor) for key, tensor in before.items())


def test_the_language_model_is_split_and_measured(source: Path, tmp_path: Path) -> None:
    convert_chattts(source, tmp_path / "new")
    asset = tmp_path / "new" / "asset"
    llama, embeddings = (
        read_tensors(asset / "gpt" / "model.safetensors")[0],
        read_tensors(asset / "Embed.safetensors")[0],
    )
    assert llama.keys() | embeddings.keys() == {key.removeprefix("gpt.") for key in gpt()}
    assert torch.equal(llama["norm.weight"], gpt()["gpt.norm.weight"])
    assert f"head_text.{HEAD}.original0" in embeddings
    config = json.loads((asset / "gpt" / "config.json").read_text())
    sizes = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_audio_tokens", "num_text_tokens", "num_vq")
    assert [config[size] for size in sizes] == [16, 24, 11, 9, 30, 3]


def test_safetensors_go_before_pickles_and_the_folder_may_be_asset_itself(source: Path, tmp_path: Path) -> None:
    asset = source / "asset"
    better = {"decoder.decoder_block.0.weight": torch.ones(8)}
    write_tensors(asset / "Decoder.safetensors", better)
    convert_chattts(asset, tmp_path / "new")
    after, _ = read_tensors(tmp_path / "new" / "asset" / "Decoder.safetensors")
    assert torch.equal(after["decoder.decoder_block.0.weight"], torch.ones(8))
    assert len(after) == 1


def test_a_dvae_without_an_encoder_is_left_out_and_said_so(source: Path, tmp_path: Path) -> None:
    (source / "asset" / "DVAE_full.pt").unlink()
    torch.save(decoder(), source / "asset" / "DVAE.pt")
    report = convert_chattts(source, tmp_path / "new")
    assert report.notes == ("DVAE.pt has no encoder: the result cannot take a voice from a recording",)
    assert not (tmp_path / "new" / "asset" / "DVAE.safetensors").exists()
    assert json.loads((tmp_path / "new" / "config.json").read_text()) == {"dvae": None}
    check_layout(tmp_path / "new")


def test_what_is_missing_is_named_before_anything_is_written(source: Path, tmp_path: Path) -> None:
    (source / "asset" / "Vocos.pt").unlink()
    (source / "asset" / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(
        WeightsNotFoundError, match=r"lacks .*Vocos\.pt; .*tokenizer\.json .*tokenizer\.pt cannot be read"
    ):
        convert_chattts(source, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["legacy"]


def test_a_failure_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    torch.save({"x": Trap(tmp_path / "trapped")}, source / "asset" / "Vocos.pt")
    with pytest.raises(UnsafeFileError, match=r"Vocos\.pt holds more than tensors"):
        convert_chattts(source, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["legacy"]


def test_a_gpt_file_of_something_else(source: Path, tmp_path: Path) -> None:
    torch.save(gpt() | {"lm_head.weight": torch.ones(1)}, source / "asset" / "GPT.pt")
    with pytest.raises(WeightsError, match=r"'lm_head\.weight' is unknown"):
        convert_chattts(source, tmp_path / "new")


def test_a_target_that_exists(source: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(InputError, match="exists already"):
        convert_chattts(source, tmp_path / "new")
    with pytest.raises(InputError, match="cannot write"):
        convert_chattts(source, tmp_path / "no" / "new")


def test_a_source_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="no folder"):
        convert_chattts(tmp_path / "none", tmp_path / "new")


@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_are_read_wrapped_or_not(tmp_path: Path, zipped: bool) -> None:
    tensors = {"a": torch.ones(2), "b": torch.zeros(3)}
    for content in (tensors, {"state_dict": tensors, "epoch": 3}, {"weight": tensors, "info": "x"}):
        torch.save(content, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
        found = read_legacy(tmp_path / "x.pt")
        assert found.keys() == tensors.keys()
        assert torch.equal(found["a"], tensors["a"])


def test_tensors_that_share_memory_can_be_written(tmp_path: Path) -> None:
    table = torch.randn(4, 4)
    torch.save({"one": table, "same": table, "part": table[1:3]}, tmp_path / "x.pt")
    write_tensors(tmp_path / "x.safetensors", read_legacy(tmp_path / "x.pt"))
    assert torch.equal(read_tensors(tmp_path / "x.safetensors")[0]["part"], table[1:3])


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_never_runs(tmp_path: Path, zipped: bool) -> None:
    torch.save({"a": Trap(tmp_path / "trapped")}, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    for read in (read_legacy, read_voice_vector):
        with pytest.raises(UnsafeFileError, match=r"x\.pt holds more than tensors"):
            read(tmp_path / "x.pt")
    assert not (tmp_path / "trapped").exists()


def test_files_that_torch_did_not_write(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": torch.ones(1000)}, path)
    for content in (path.read_bytes()[:2000], b"", b"hello world"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"x\.pt is damaged or was not saved by torch") as caught:
            read_legacy(path)
        assert "\n" not in str(caught.value)
    torch.save([1, 2], path)
    with pytest.raises(WeightsError, match="holds no tensors but a list"):
        read_legacy(path)
    with pytest.raises(WeightsNotFoundError, match="no file"):
        read_legacy(tmp_path / "none.pt")


@pytest.mark.parametrize("shape", [(768,), (1, 768)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16])
def test_voice_files(tmp_path: Path, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    vector = torch.randn(shape).to(dtype)
    torch.save(vector, tmp_path / "voice.pt")
    found = read_voice_vector(tmp_path / "voice.pt")
    assert found.shape == (768,)
    assert torch.equal(found, vector.reshape(768).to(found.dtype))
    found.numpy()


@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(2, 768),
        torch.zeros(()),
        torch.zeros(768, dtype=torch.int64),
        {"a": torch.zeros(8), "b": torch.zeros(8)},
        torch.full((768,), float("nan")),
    ],
)
def test_what_is_no_voice(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "voice.pt")
    with pytest.raises(WeightsError, match=r"voice\.pt is no voice"):
        read_voice_vector(tmp_path / "voice.pt")
