"""GPT-SoVITS files in all their forms."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from vivace.errors import InputError, UnsafeFileError, WeightsError, WeightsNotFoundError
from vivace.models.gpt_sovits.checkpoint.convert import bert_part, convert_gpt_sovits, hubert_part, read_s2
from vivace.models.gpt_sovits.checkpoint.legacy_files import Sources, published_version, read_mark
from vivace.weights.legacy_file import unpickled
from vivace.weights.tensor_file import read_tensors

GOLDENS = Path(__file__).parents[2] / "goldens" / "gpt_sovits"
S1 = GOLDENS / "s1" / "s1.ckpt"
V2, PRO = GOLDENS / "s2_v2" / "s2_v2.pth", GOLDENS / "s2_v2Pro" / "s2_v2Pro.pth"
V3, V4 = GOLDENS / "s2_v3" / "s2_v3.pth", GOLDENS / "s2_v4" / "s2_v4.pth"
LOW_RANK = GOLDENS / "s2_v4" / "s2_v4_lora.pth"


class Trap:
    """Makes a folder when a pickle of it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def remarked(path: Path, target: Path, mark: bytes) -> Path:
    target.write_bytes(mark + path.read_bytes()[2:])
    return target


def changed(path: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The file with other content, saved again by torch."""
    content = dict(unpickled(path))  # type: ignore[call-overload]
    change(content)
    torch.save(content, target)
    return target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one fine-tuned pair."""
    root = tmp_path / "models"
    root.mkdir()
    shutil.copy(S1, root / "speaker-e15.ckpt")
    shutil.copy(V2, root / "speaker_e8_s96.pth")
    return root


@pytest.mark.parametrize(("path", "version"), [(V2, "v2"), (PRO, "v2Pro"), (V3, "v3"), (V4, "v4")])
def test_each_version_is_told_by_its_mark_or_its_content(path: Path, version: str) -> None:
    assert read_s2(path).version == version


def test_a_mark_changes_nothing_but_the_version_that_is_read(tmp_path: Path) -> None:
    marked, plain = read_s2(PRO), read_s2(remarked(PRO, tmp_path / "x.pth", b"PK"))
    assert marked.version == plain.version == "v2Pro"
    assert all(torch.equal(marked.tensors[key], tensor) for key, tensor in plain.tensors.items())


@pytest.mark.parametrize("mark", [b"07", b"99"])
def test_a_mark_that_nobody_writes_is_an_error(tmp_path: Path, mark: bytes) -> None:
    with pytest.raises(WeightsError, match=f"{mark.decode()}.*known marks: 00, 01"):
        read_s2(remarked(V2, tmp_path / "x.pth", mark))


@pytest.mark.parametrize("mark", [b"02", b"03", b"05"])
def test_a_mark_that_the_content_denies_is_an_error(tmp_path: Path, mark: bytes) -> None:
    with pytest.raises(WeightsError, match=r"x\.pth"):
        read_s2(remarked(V2, tmp_path / "x.pth", mark))


def test_v1_has_its_own_symbols(tmp_path: Path) -> None:
    def shorten(content: dict[str, Any]) -> None:
        content["weight"]["enc_p.text_embedding.weight"] = content["weight"]["enc_p.text_embedding.weight"][:322]

    assert read_s2(changed(V2, tmp_path / "x.pth", shorten)).version == "v1"


def test_the_wider_decoder_is_that_of_v2proplus(tmp_path: Path) -> None:
    def widen(content: dict[str, Any]) -> None:
        content["weight"]["dec.conv_pre.weight"] = torch.zeros(768, 32, 7)
        content["config"]["model"].pop("version", None)

    assert read_s2(changed(PRO, tmp_path / "x.pth", widen)).version == "v2ProPlus"


def test_a_whole_v4_without_a_mark_needs_to_be_named_when_nothing_in_it_says_so(tmp_path: Path) -> None:
    def forget(content: dict[str, Any]) -> None:
        content["config"]["model"].pop("version", None)

    silent = changed(V4, tmp_path / "x.pth", forget)
    assert read_s2(silent).version == "v3"
    assert read_s2(silent, version="v4").version == "v4"


def test_training_state_stays_behind(tmp_path: Path) -> None:
    def add(content: dict[str, Any]) -> None:
        content["weight"]["enc_q.pre.weight"] = torch.zeros(3)

    kept = read_s2(changed(V3, tmp_path / "x.pth", add)).tensors
    assert not [key for key in kept if key.startswith(("enc_q", "linear_mel")) or "cluster_size" in key]


def test_a_low_rank_file_is_its_base_plus_its_product() -> None:
    base, merged = read_s2(V4).tensors, read_s2(LOW_RANK, base=V4)
    change: dict[str, Tensor] = unpickled(LOW_RANK)["weight"]  # type: ignore[index]
    name = "transformer_blocks.0.attn.to_q"
    a, b = (change[f"cfm.base_model.model.estimator.{name}.lora_{side}.default.weight"].float() for side in "AB")
    key = f"cfm.estimator.{name}.weight"
    assert torch.equal(merged.tensors[key], base[key].float() + b @ a)
    assert torch.equal(merged.tensors["bridge.0.weight"], change["bridge.0.weight"])
    assert merged.version == "v4"
    assert merged.tensors.keys() == base.keys()


def test_a_low_rank_file_without_its_base_is_an_error() -> None:
    with pytest.raises(WeightsError, match="low-rank change of a v4 model; name that model"):
        read_s2(LOW_RANK)


def test_a_low_rank_file_on_another_version_is_an_error() -> None:
    with pytest.raises(WeightsError, match="is a v3 model, not v4"):
        read_s2(LOW_RANK, base=V3)


def test_a_folder_with_one_pair_is_converted(folder: Path, tmp_path: Path) -> None:
    report = convert_gpt_sovits(Sources.find(folder), tmp_path / "new")
    assert {file.file for file in report.files} == {"s1.safetensors", "s2.safetensors"}
    assert len(report.notes) == 2
    settings = json.loads((tmp_path / "new" / "gpt_sovits.json").read_text())
    assert settings["version"] == "v2"
    assert settings["s1"] == {"heads": 4, "max_seconds": 54}
    assert settings["s2"]["rates"] == [10, 8, 2, 2, 2]
    before: dict[str, Tensor] = unpickled(V2)["weight"]  # type: ignore[index]
    after = read_tensors(tmp_path / "new" / "s2.safetensors")[0]
    assert torch.equal(after["dec.ups.0.original0"], before["dec.ups.0.weight_g"])
    assert after["dec.ups.0.original0"].dtype == torch.float16


def test_several_models_to_choose_from_are_an_error_until_one_is_named(folder: Path, tmp_path: Path) -> None:
    other = folder / "speaker_e4_s48.pth"
    shutil.copy(PRO, other)
    with pytest.raises(WeightsNotFoundError, match=r"no single SoVITS.*--sovits"):
        Sources.find(folder)
    with pytest.raises(WeightsNotFoundError, match="a v2Pro model needs its speaker network"):
        convert_gpt_sovits(Sources.find(folder, s2=other), tmp_path / "new")
    assert Sources.find(folder, s2=folder / "speaker_e8_s96.pth").s2.name == "speaker_e8_s96.pth"


def test_the_folder_of_pretrained_models_is_known_by_version(tmp_path: Path) -> None:
    root = tmp_path / "pretrained_models"
    for name, file in (("s1v3.ckpt", S1), ("gsv-v4-pretrained/s2Gv4.pth", V4), ("s2Gv3.pth", V3)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, root / name)
    shutil.copy(GOLDENS / "vocoders" / "vocoder_v4.pth", root / "gsv-v4-pretrained" / "vocoder.pth")
    report = convert_gpt_sovits(Sources.find(root, version="v4"), tmp_path / "new", version="v4")
    assert "vocoder.safetensors" in {file.file for file in report.files}
    tuned = tmp_path / "voice_l32.pth"
    shutil.copy(LOW_RANK, tuned)
    assert Sources.find(root, version="v4", s2=tuned).base == root / "gsv-v4-pretrained" / "s2Gv4.pth"


def test_a_pair_that_does_not_share_its_phones_is_an_error(folder: Path, tmp_path: Path) -> None:
    def shorten(content: dict[str, Any]) -> None:
        key = "model.ar_text_embedding.word_embeddings.weight"
        content["weight"][key] = content["weight"][key][:512]

    changed(S1, folder / "speaker-e15.ckpt", shorten)
    with pytest.raises(WeightsError, match="512 phones"):
        convert_gpt_sovits(Sources.find(folder), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_files_of_the_wrong_kind_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no SoVITS model"):
        convert_gpt_sovits(Sources.find(folder, s2=S1), tmp_path / "new")
    with pytest.raises(WeightsError, match="no GPT model"):
        convert_gpt_sovits(Sources.find(folder, s1=V2), tmp_path / "new")
    with pytest.raises(WeightsNotFoundError, match="no folder"):
        Sources.find(tmp_path / "none")
    with pytest.raises(InputError, match="exists already"):
        convert_gpt_sovits(Sources.find(folder), folder)


@pytest.mark.parametrize("marked", [False, True])
def test_code_in_a_file_does_not_run(folder: Path, tmp_path: Path, marked: bool) -> None:
    marker = tmp_path / "marker"
    path = folder / "speaker_e8_s96.pth"
    content = dict(unpickled(V2))  # type: ignore[call-overload]
    torch.save(content | {"info": Trap(marker)}, path)
    if marked:
        remarked(path, path, b"01")
    with pytest.raises(UnsafeFileError):
        convert_gpt_sovits(Sources.find(folder), tmp_path / "new")
    assert not marker.exists()
    assert not (tmp_path / "new").exists()
    torch.load(remarked(path, path, b"PK"), weights_only=False)  # the trap is a real one
    assert marker.is_dir()


def test_another_class_of_the_same_module_is_not_let_in(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(V2) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"HParams", b"System_"))
    with pytest.raises(UnsafeFileError):
        unpickled(path)


@pytest.mark.parametrize("keep", [0, 1, 5_000])
def test_a_truncated_file_is_an_error(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(PRO.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="damaged"):
        read_s2(path)


def test_a_fingerprint_needs_the_published_file(tmp_path: Path) -> None:
    assert published_version(V3) is None
    assert read_mark(V3) == ("v3", False)


def test_huberts_positions_are_folded_per_kernel_tap(tmp_path: Path) -> None:
    torch.manual_seed(0)
    name = "encoder.pos_conv_embed.conv"
    v, g = torch.randn(6, 3, 4), torch.rand(1, 1, 4)
    torch.save({f"{name}.weight_g": g, f"{name}.weight_v": v, "masked_spec_embed": v}, tmp_path / "x.bin")
    tensors, _ = hubert_part(tmp_path / "x.bin")
    assert list(tensors) == [f"{name}.weight"]
    for tap in range(4):
        torch.testing.assert_close(tensors[f"{name}.weight"][..., tap].norm(), g[0, 0, tap])


def test_bert_ends_before_what_nobody_reads(tmp_path: Path) -> None:
    keys = ["bert.embeddings.LayerNorm.gamma", "bert.encoder.layer.21.x", "bert.encoder.layer.22.x", "cls.x"]
    torch.save({key: torch.ones(2) for key in keys}, tmp_path / "x.bin")
    assert set(bert_part(tmp_path / "x.bin")[0]) == {"embeddings.LayerNorm.weight", "encoder.layer.21.x"}
