"""Doctor and verify: tables, JSON, exit codes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from vivace.cli.main import exit_code
from vivace.layers.native.kernels import kernels


def test_all_is_well_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert {"torch", "devices", "embedded voice", "text", "audio mp3", "model cache"} <= findings.keys()
    assert "speaks" in findings["embedded voice"]["found"]
    assert "cores" in findings["CPU"]["found"]
    used = kernels()
    found = findings["compiled kernels"]["found"]
    assert found == "none: plain torch" if used is None else used.kind in found and str(used.path) in found


def test_a_folder_that_cannot_be_written_is_reported_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIVACE_PATHS__CACHE_DIR", "/proc/vivace")
    assert exit_code(["doctor"]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if "model cache" in line)
    assert line.startswith("!!")
    assert "set paths.cache_dir" in line


GOLDENS = Path(__file__).parents[1] / "goldens" / "chattts"


def test_every_array_is_within_its_tolerance(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["verify", str(GOLDENS), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) > 100
    assert all(row["ok"] for row in rows)


def test_one_weight_off_by_a_hundredth_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(shutil.copytree(GOLDENS, tmp_path / "goldens"))
    file = folder / "checkpoint" / "asset" / "Decoder.safetensors"
    tensors = load_file(file)
    name = max(tensors, key=lambda key: tensors[key].size)
    index = np.unravel_index(np.abs(tensors[name]).argmax(), tensors[name].shape)
    tensors[name][index] *= 1.01
    save_file(tensors, file)
    assert exit_code(["verify", str(folder)]) == 1
    printed = capsys.readouterr()
    assert "MISS" in printed.out
    assert "within tolerance" in printed.out.splitlines()[-1]
    assert printed.err == ""


def test_a_folder_without_recordings_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["verify", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
