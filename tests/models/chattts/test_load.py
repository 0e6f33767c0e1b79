import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch

from vivace.errors import WeightsError, WeightsMismatchError
from vivace.models.chattts.checkpoint.load import build_chattts
from vivace.weights.load import write_tensors

GOLDENS = Path(__file__).parents[2] / "goldens" / "chattts" / "checkpoint"


def edited(tmp_path: Path, **changes: object) -> Path:
    """A copy of the checkpoint with a changed configuration."""
    root = copytree(GOLDENS, tmp_path / "checkpoint")
    file = root / "tiny_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return root


def test_statistics_come_from_the_configuration_a_file_or_the_published_ones(tmp_path: Path) -> None:
    own, _ = build_chattts(GOLDENS)
    assert own.statistics is not None
    assert len(own.statistics.mean) == 96

    root = edited(tmp_path, spk_stat=None)
    none, _ = build_chattts(root)
    assert none.statistics is None  # the published ones have 768 values

    values = torch.arange(2 * 96).half()
    write_tensors(root / "asset" / "spk_stat.safetensors", {"spk_stat": values})
    filed, _ = build_chattts(root)
    assert filed.statistics is not None
    assert np.array_equal(filed.statistics.std, values[:96].numpy())
    assert np.array_equal(filed.statistics.mean, values[96:].numpy())


def test_a_checkpoint_without_a_dvae_needs_no_file_of_it(tmp_path: Path) -> None:
    root = edited(tmp_path, dvae=None)
    (root / "asset" / "DVAE.safetensors").unlink()
    model, parts = build_chattts(root)
    assert model.dvae is None
    assert all("DVAE" not in part.file.name for part in parts)


def test_the_tokenizer_has_to_fit(tmp_path: Path) -> None:
    root = copytree(GOLDENS, tmp_path / "checkpoint")
    file = root / "asset" / "gpt" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "num_text_tokens": 670}))
    with pytest.raises(WeightsMismatchError, match=r"669 tokens but gpt/config\.json says 670"):
        build_chattts(root)


def test_a_broken_tokenizer_is_an_error_of_the_weights(tmp_path: Path) -> None:
    root = copytree(GOLDENS, tmp_path / "checkpoint")
    (root / "asset" / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(WeightsError, match="not a tokenizer file"):
        build_chattts(root)
