"""``vivace say``, with the embedded voice."""

import io
import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from vivace.audio.files import read_audio
from vivace.cli.main import exit_code
from vivace.cli.say import read_text
from vivace.errors import InputError

VIVACE = [sys.executable, "-c", "from vivace.cli.main import run; run()"]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_result_line_tells_path_duration_and_speed(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["say", "Hello.", "--seed", "1"]) == 0
    printed = capsys.readouterr()
    with wave.open("out.wav") as file:
        seconds = file.getnframes() / file.getframerate()
    path, duration, unit, label, rtf, *_ = printed.out.split()
    assert (path, duration, unit, label) == ("out.wav", f"{seconds:.2f}", "s", "RTF")
    assert float(rtf) > 0
    assert printed.err == ""
    assert [file.name for file in Path().iterdir()] == ["out.wav"]


def test_the_result_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["say", "Hello.", "--seed", "1", "-o", "hello.flac", "--voice", "arthur", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["path"], result["voice"], result["seed"]) == ("hello.flac", "arthur", 1)
    assert result["duration_s"] == pytest.approx(len(read_audio(Path("hello.flac"), 24_000)) / 24_000)


def test_the_same_seed_gives_the_same_file_and_another_seed_another() -> None:
    for name, seed in (("a.wav", "7"), ("b.wav", "7"), ("c.wav", "8")):
        assert exit_code(["say", "Same, 一样。", "--seed", seed, "-o", name]) == 0
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()
    assert Path("a.wav").read_bytes() != Path("c.wav").read_bytes()


def test_text_from_a_file_and_settings_from_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.txt").write_text("Hello.\n", encoding="utf-8")
    Path("vivace.yaml").write_text("inference: {seed: 11, voice: marcel}\n", encoding="utf-8")
    assert exit_code(["say", "-f", "text.txt", "--config", "vivace.yaml", "-o", "x.mp3"]) == 0
    assert capsys.readouterr().out.endswith("voice marcel  seed 11\n")
    assert Path("x.mp3").stat().st_size > 1000


def test_a_pipe_gets_sound_and_nothing_else() -> None:
    command = [*VIVACE, "say", "-f", "-", "-o", "-", "--seed", "1"]
    done = subprocess.run(command, input=b"Hello.", capture_output=True, check=True)
    with wave.open(io.BytesIO(done.stdout)) as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() > 5_000
    assert b"RTF" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_streamed_pipe_is_the_same_sound() -> None:
    text, seed = "This is the first sentence. 这是第二个句子。", ["--seed", "5", "--format", "pcm"]
    outputs = [
        subprocess.run([*VIVACE, "say", text, "-o", "-", *seed, *more], capture_output=True, check=True).stdout
        for more in ([], ["--stream"])
    ]
    whole, streamed = (np.frombuffer(output, np.int16).astype(int) for output in outputs)
    assert len(whole) == len(streamed) > 10_000
    assert np.abs(whole - streamed).max() <= 1, "equal to 1e-5 before rounding"


def test_sound_is_not_written_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    assert exit_code(["say", "Hello.", "-o", "-"]) == 2
    assert "terminal" in capsys.readouterr().err


def test_an_argument_is_taken_as_it_is() -> None:
    assert read_text("Hi\n", None) == "Hi\n"


def test_a_file_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeff世界\n".encode())
    assert read_text(None, str(tmp_path / "a.txt")) == "世界\n"


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("你好".encode())))
    assert read_text(None, "-") == "你好"


def test_none_or_both_is_an_error() -> None:
    with pytest.raises(InputError, match="no text; give"):
        read_text(None, None)
    with pytest.raises(InputError, match="twice"):
        read_text("a", "b")


def test_a_file_that_cannot_be_read_or_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.txt.*No such file"):
        read_text(None, str(tmp_path / "absent.txt"))
    (tmp_path / "gbk.txt").write_bytes("你好".encode("gbk"))
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 0 is 0xc4\)"):
        read_text(None, str(tmp_path / "gbk.txt"))
