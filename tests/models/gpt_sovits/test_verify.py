"""``vivace verify`` on the recorded GPT-SoVITS checkpoints."""

from pathlib import Path
from shutil import copytree

import pytest
import torch

from vivace.bench.verify import verify_folder
from vivace.models.gpt_sovits.verify.checks import verify
from vivace.weights.legacy_file import unpickled

GOLDENS = Path(__file__).parents[2] / "goldens" / "gpt_sovits"


def test_every_recorded_array_is_within_its_tolerance() -> None:
    rows = verify_folder(GOLDENS)
    assert [row for row in rows if not row.ok] == []
    assert len(rows) > 520


@pytest.mark.parametrize(
    ("file", "tensor", "missed"),
    [
        ("s1/s1.ckpt", "model.h.layers.1.norm2.weight", "s1/prefill:hidden"),
        ("s2_v4/s2_v4.pth", "cfm.estimator.transformer_blocks.1.ff.ff.2.weight", "s2_v4/dit:v"),
        ("s2_v2Pro/s2_v2Pro.pth", "flow.flows.2.post.weight", "s2_v2Pro/noise05:z"),
    ],
)
def test_one_weight_changed_by_a_hundredth_is_noticed(tmp_path: Path, file: str, tensor: str, missed: str) -> None:
    folder = copytree(GOLDENS, tmp_path / "goldens")
    content = dict(unpickled(folder / file))  # type: ignore[call-overload]
    content["weight"][tensor] = content["weight"][tensor] * 1.01
    torch.save(content, folder / file)

    found = {row.name for row in verify(folder, [file.split("/")[0]]) if not row.ok}

    assert missed in found
    assert f"{file} sha256" in found
