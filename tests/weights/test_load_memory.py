"""Loading takes little more memory than the file has bytes. In a process of its own: a peak never falls again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vivace.weights.load import write_tensors

CHILD = """
import json, sys
from pathlib import Path
import torch
from torch import nn
from vivace.weights.load import ModulePart, load_modules

def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

def fill(file, count, width):
    with torch.device("meta"):
        module = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(count))
    load_modules([ModulePart(module, file)])
    return float(sum(p.detach()[0, 0] for p in module.parameters()))

big, small, count, width = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
fill(small, 1, 8)  # whatever is loaded on first use is loaded now
before = memory("VmRSS")
total = fill(big, count, width)
sys.stdout.write(json.dumps({"grown": memory("VmHWM") - before, "total": total}))
"""
COUNT, WIDTH = 50, 1024  # 200 MB of float32


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak that Linux keeps")
def test_peak_memory_is_that_of_the_file(tmp_path: Path) -> None:
    big, small = tmp_path / "big.safetensors", tmp_path / "small.safetensors"
    write_tensors(small, {"0.weight": torch.ones(8, 8)})
    try:
        write_tensors(big, {f"{i}.weight": torch.full((WIDTH, WIDTH), 1.0 + i) for i in range(COUNT)})
        size = big.stat().st_size
        command = [sys.executable, "-c", CHILD, str(big), str(small), str(COUNT), str(WIDTH)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    finally:
        big.unlink(missing_ok=True)
    assert found["total"] == sum(1.0 + i for i in range(COUNT))
    assert 0.9 * size < found["grown"] <= 1.3 * size
