"""None"""

import subprocess
import sys

import pytest
import torch
from torch import nn

from vivace.layers.meta_init import meta_init

LOADS_WITHOUT_THE_COMPILER = """
import sys
from vivace import TTS
with TTS() as tts:
    assert len(tts.synthesize("Hello.").samples)
print(*sorted({"torch._dynamo", "sympy"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(3, 4),
        lambda: nn.Embedding(5, 2),
        lambda: nn.Conv1d(2, 3, 3),
        lambda: nn.LayerNorm(4),
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)),
    ],
)
def test_modules_have_shapes_and_no_values(make) -> None:  # type: ignore[no-untyped-def]
    with meta_init():
        module = make()
    assert [p.shape for p in module.parameters()] == [p.shape for p in make().parameters()]
    assert all(p.is_meta for p in module.parameters())


def test_what_is_made_afterwards_is_as_ever() -> None:
    with meta_init():
        nn.Linear(3, 4)
    torch.manual_seed(0)
    first = nn.Linear(3, 4)
    torch.manual_seed(0)
    assert torch.equal(first.weight, nn.Linear(3, 4).weight)
    assert first.weight.any()


def test_an_initializer_gives_back_its_tensor() -> None:
    with meta_init():
        tensor = torch.empty(2)
        assert nn.init.normal_(tensor) is tensor
        assert nn.init.normal_(tensor=tensor) is tensor


def test_a_voice_loads_and_speaks_without_torch_s_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS_WITHOUT_THE_COMPILER], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr[-2000:]
