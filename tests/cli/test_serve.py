"""``vivace serve``: settings in, a server out, and SIGTERM ends it when it has finished speaking."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

from vivace.cli.main import exit_code


def test_the_effective_settings_are_a_settings_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "v.yaml").write_text("server: {port: 9000, max_queue: 3}\n", encoding="utf-8")
    flags = ["--config", str(tmp_path / "v.yaml"), "--max-queue", "4", "--cache", "disk", "--api-key", "secret"]
    assert exit_code(["serve", *flags, "--print-config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert (printed["server"]["port"], printed["server"]["max_queue"]) == (9000, 4)
    assert printed["cache"]["results"] == "disk"
    assert "secret" not in str(printed)


def test_no_strangers_without_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["serve", "--host", "0.0.0.0"]) == 2
    assert "server.api_keys" in capsys.readouterr().err


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_it_speaks_and_ends_with_sigterm(sign: signal.Signals) -> None:
    code = "from vivace.cli.main import run; run()"
    flags = ["serve", "--port", "0", "--no-warm-up", "--device", "cpu"]
    with subprocess.Popen([sys.executable, "-c", code, *flags], stderr=subprocess.PIPE, text=True) as process:
        events = _speak_and_stop(process, sign)
    (told,) = [event for event in events if event["event"] == "request"]
    assert (told["path"], told["status"]) == ("/v1/audio/speech", 200)
    assert str(told["request_id"]).startswith("req_")
    assert [event for event in events if str(event["event"]).startswith(f"{sign.name}: no new requests")]


def _speak_and_stop(process: subprocess.Popen[str], sign: signal.Signals) -> list[dict[str, object]]:
    """Everything it logged."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found:
            break
    else:
        raise AssertionError("".join(lines))
    body = json.dumps({"model": "vivace", "voice": "alloy", "input": "Yes.", "response_format": "wav", "seed": 1})
    request = urllib.request.Request(
        f"http://127.0.0.1:{found[1]}/v1/audio/speech", body.encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.read(4) == b"RIFF"
        assert len(answer.read()) > 10_000
    process.send_signal(sign)
    rest = process.stderr.read()
    assert process.wait(60) == 0, rest
    return [json.loads(line) for line in (*lines, *rest.splitlines())]
