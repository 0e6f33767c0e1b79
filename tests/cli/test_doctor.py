"""``vivace doctor``."""

import json

import pytest

from vivace.cli.main import exit_code


def test_all_is_well_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert {"torch", "devices", "embedded voice", "text", "audio mp3", "model cache"} <= findings.keys()
    assert "speaks" in findings["embedded voice"]["found"]


def test_a_folder_that_cannot_be_written_is_reported_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIVACE_PATHS__CACHE_DIR", "/proc/vivace")
    assert exit_code(["doctor"]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if "model cache" in line)
    assert line.startswith("!!")
    assert "set paths.cache_dir" in line
