"""The OpenAPI document against the server: whatever it allows is answered, never with a 5xx, always as it says."""

import subprocess
import sys
from pathlib import Path

import pytest
from fakes.server import Running

from vivace.serve.app import METHODS

# Two checks are left out. A schema can neither say which strings are voices, speaker strings or printable names, nor
# that one part of a request needs another; and numbers are read from query strings as people write them.
LEFT_OUT = "positive_data_acceptance,negative_data_rejection"


@pytest.mark.slow
def test_schemathesis_finds_nothing(server: Running, tmp_path: Path) -> None:
    script = Path(sys.executable).parent / "schemathesis"
    command = [str(script), "run", f"{server.url}/openapi.json", "--phases", "fuzzing"]
    options = ["--max-examples", "3", "--seed", "1", "--exclude-checks", LEFT_OUT, "--no-color"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]


def test_every_route_is_described(server: Running) -> None:
    paths = server.server.config.app.openapi()["paths"]  # type: ignore[union-attr]
    assert sum(len(methods) for methods in paths.values()) == sum(len(methods or ()) for _, methods in METHODS)
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} does not say what it does"
            assert "400" in operation["responses"]
