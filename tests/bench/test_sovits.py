"""The benchmark of GPT-SoVITS' sound half, on the recorded small models."""

import json
from pathlib import Path

import pytest
import torch
from fakes.gpt_sovits import load_recorded

from vivace.bench import sovits
from vivace.bench.sovits import HEADER, VERSIONS, SoVITSPlan, caption, json_line, measure, table
from vivace.models.gpt_sovits import random_weights
from vivace.models.gpt_sovits.checkpoint.parts import GPTSoVITSParts

STAGES = {
    "v2": ["encoder", "flow", "decoder", "all, whole", "all, in chunks"],
    "v4": ["encoder", "flow matching, 8 steps", "vocoder"],
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published sizes take minutes; they do not matter to the bookkeeping."""

    def write(root: Path, version: str) -> Path:
        root.mkdir()
        return root

    def load(root: Path, *, device: torch.device, precision: str, sound_precision: str) -> GPTSoVITSParts:
        assert (str(device), precision, sound_precision) == ("cpu", "auto", "auto")
        return load_recorded(root.name, root)

    monkeypatch.setattr(sovits, "write_random_gpt_sovits", write)
    monkeypatch.setattr(sovits, "load_gpt_sovits", load)


@pytest.mark.usefixtures("small")
def test_every_stage_has_a_row() -> None:
    report = measure(SoVITSPlan(versions=tuple(STAGES), seconds=2.0, recording_s=3.0, repeats=1))
    for version, stages in STAGES.items():
        rows = [row for row in report.figures if row.version == version]
        assert [row.part for row in rows] == ["load", "reference", *stages]
        assert [row.audio_s for row in rows] == [None, None, *[2.0] * len(stages)]
        assert all(row.seconds > 0 for row in rows)
    lines = table(report)
    assert all(len(line) == len(HEADER) for line in lines)
    assert (lines[0][4], lines[0][5]) == ("", "")
    assert "a recording of 3 s; cpu" in caption(report)
    assert json.loads(json_line(report))["figures"][2]["part"] == "encoder"


@pytest.mark.parametrize("version", VERSIONS)
def test_random_checkpoints_have_all_that_their_version_needs(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, names and shapes; numbers for a gigabyte would take too long."""
    written: dict[str, dict[str, torch.Tensor]] = {}
    monkeypatch.setattr(random_weights, "write_tensors", lambda file, tensors: written.update({file.stem: tensors}))
    monkeypatch.setattr(random_weights, "_random", lambda key, shape: torch.empty(shape, device="meta"))
    root = random_weights.write_random_gpt_sovits(tmp_path / version, version)
    extra = {"v3": {"vocoder"}, "v4": {"vocoder"}, "v2Pro": {"speaker"}, "v2ProPlus": {"speaker"}}.get(version, set())
    assert written.keys() == {"s1", "s2", "hubert"} | extra
    assert json.loads((root / "gpt_sovits.json").read_text())["version"] == version
    count = sum(tensor.numel() for tensor in written["s1"].values())
    assert count == (77_493_762 if version == "v1" else 77_606_402)
    assert ("sv_emb.weight" in written["s2"]) == version.startswith("v2Pro")
    filters = [key for key in written.get("vocoder", {}) if key.endswith(".upsample.filter")]
    assert len(filters) == (109 if version == "v3" else 0)
    assert ("cfm.estimator.rotary_embed.inv_freq" in written["s2"]) == (version in ("v3", "v4"))


def test_random_numbers_are_small_and_norms_are_one() -> None:
    torch.manual_seed(0)
    made = random_weights._random("dec.conv_pre.weight", (8, 12, 5))
    assert made.dtype == torch.float16
    assert 0.15 < float(made.float().abs().max()) <= (3 / 60) ** 0.5 + 1e-3
    assert random_weights._random("norm.weight", (4,)).tolist() == [1.0] * 4
    assert random_weights._random("norm.bias", (4,)).tolist() == [0.0] * 4
