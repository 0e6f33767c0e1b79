"""``vivace models``."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from vivace.cli.main import exit_code

CHECKPOINT = Path(__file__).parents[1] / "goldens" / "chattts" / "checkpoint"


def test_the_embedded_model_is_here_and_the_published_one_can_be_pulled(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["models", "list"]) == 0
    _, embedded, published = capsys.readouterr().out.splitlines()
    assert embedded.split()[0] == "embedded"
    assert "vivace models pull 2Noise/ChatTTS" in published


def test_a_model_tells_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["models", "show", "--json"]) == 0
    assert exit_code(["models", "show", str(CHECKPOINT), "--json"]) == 0
    own, other = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert own["parameters"] > 10_000_000
    assert own["megabytes"] <= 25
    assert not own["clones_recordings"]
    assert "vivienne" in own["voices"]
    assert other["clones_recordings"]


def test_a_legacy_checkpoint_becomes_one_of_safetensors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    legacy = tmp_path / "legacy"
    for file in CHECKPOINT.rglob("*"):
        if file.is_file():
            copy = legacy / file.relative_to(CHECKPOINT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    for name in ("Decoder", "Vocos"):
        file = legacy / "asset" / f"{name}.safetensors"
        torch.save(load_file(file), file.with_suffix(".pt"))
        file.unlink()
    assert exit_code(["say", "Hello.", "--model", str(legacy)]) == 3
    assert "vivace models convert" in capsys.readouterr().err
    assert exit_code(["models", "convert", str(legacy), str(tmp_path / "converted")]) == 0
    want = load_file(CHECKPOINT / "asset" / "Decoder.safetensors")
    got = load_file(tmp_path / "converted" / "asset" / "Decoder.safetensors")
    assert want.keys() == got.keys()
    assert all(torch.equal(want[key], got[key]) for key in want)


def test_offline_a_model_that_is_not_here_is_an_error_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["models", "pull", "2Noise/ChatTTS"]) == 3
    assert "offline" in capsys.readouterr().err


def test_a_pair_of_gpt_sovits_models_becomes_one_of_safetensors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goldens = CHECKPOINT.parents[1] / "gpt_sovits"
    legacy = tmp_path / "legacy"
    legacy.mkdir()
    for file in ("s1/s1.ckpt", "s2_v2/s2_v2.pth", "s2_v4/s2_v4.pth"):
        (legacy / Path(file).name).write_bytes((goldens / file).read_bytes())
    assert exit_code(["models", "convert", str(legacy), str(tmp_path / "new")]) == 3
    assert "--sovits" in capsys.readouterr().err
    assert exit_code(["models", "convert", str(legacy), str(tmp_path / "new"), "--version", "v9"]) == 2
    assert "known: v1, v2" in capsys.readouterr().err
    chosen = ["--sovits", str(legacy / "s2_v2.pth")]
    assert exit_code(["models", "convert", str(legacy), str(tmp_path / "new"), *chosen]) == 0
    printed = capsys.readouterr()
    assert "cannot take a voice from a recording" in printed.err
    assert len(load_file(tmp_path / "new" / "s1.safetensors")) > 30
