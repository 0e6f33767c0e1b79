from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vivace.errors import WeightsMismatchError
from vivace.models.chattts.durations import FILE, Durations, read_durations


def test_sums_of_tokens_at_a_pace() -> None:
    durations = Durations(np.array([0.0, 3.0, 5.5], np.float32))
    assert durations.expect([1, 2, 2, 0]) == pytest.approx(14.0)
    assert durations.expect([1, 2, 2, 0], pace=1.4) == pytest.approx(10.0)
    assert durations.expect([]) == 0


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_durations(tmp_path, 3) is None
    Durations(np.array([0.0, 3.0, 5.5], np.float32)).write(tmp_path)
    found = read_durations(tmp_path, 3)
    assert found is not None
    assert found.frames.tolist() == [0.0, 3.0, 5.5]


@pytest.mark.parametrize("tensors", [{"frames": torch.zeros(4)}, {"other": torch.zeros(3)}])
def test_durations_of_another_tokenizer_are_refused(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, tmp_path / FILE)
    with pytest.raises(WeightsMismatchError, match="should hold 3 durations"):
        read_durations(tmp_path, 3)
