"""Bad input, from the outside: an exit code by kind, one line that names the value and the way out, no file left."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from vivace.audio.files import write_audio
from vivace.cli.main import exit_code
from vivace.models.registry import embedded_root

INPUT, FILES, DEVICE = 2, 3, 4
GOLDENS = Path(__file__).parent / "goldens" / "chattts"


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def refusal(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """Run a command that has to fail with ``code``; give its one line."""
    before = sorted(Path().rglob("*"))
    assert exit_code(list(arguments)) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert len(printed.err) < 2000
    assert sorted(Path().rglob("*")) == before, "something was left behind"
    return printed.err


@pytest.mark.parametrize("text", ["", "   \n", "🙂👍", "…—()"])
def test_nothing_to_speak(capsys: pytest.CaptureFixture[str], text: str) -> None:
    refusal(capsys, INPUT, "say", text)


def test_a_hundred_thousand_characters(capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, INPUT, "say", "很长。" * 33_334)
    assert "100002 characters" in line
    assert "20000" in line


def test_an_unknown_voice_and_an_unknown_language(capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, INPUT, "say", "Hello.", "--voice", "nobody")
    assert "'nobody'" in line
    assert "vivienne" in line
    assert "'fr'" in refusal(capsys, INPUT, "say", "Bonjour.", "--language", "fr")


def test_a_voice_that_does_not_speak_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, INPUT, "say", "你好。", "--voice", "arthur")
    assert "'arthur'" in line
    assert "'zh'" in line


def test_an_option_out_of_range(capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, INPUT, "say", "Hello.", "--speed", "9")
    assert "inference.speed = 9.0" in line
    refusal(capsys, INPUT, "say", "Hello.", "--top-p", "0")
    refusal(capsys, DEVICE, "say", "Hello.", "--device", "abacus")


def test_outputs_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken.wav").mkdir()
    assert "'taken.wav'" in refusal(capsys, INPUT, "say", "Hello.", "-o", "taken.wav")
    assert "'absent'" in refusal(capsys, INPUT, "say", "Hello.", "-o", "absent/hello.wav")
    assert "too long" in refusal(capsys, INPUT, "say", "Hello.", "-o", "long" * 100 + ".wav")
    assert "/proc" in refusal(capsys, INPUT, "say", "Hello.", "-o", "/proc/hello.wav")
    assert "'/dev/null'" in refusal(capsys, INPUT, "say", "Hello.", "-o", "/dev/null", "--format", "wav")


def test_unknown_formats_are_named_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, INPUT, "say", "Hello.", "-o", "hello.xyz")
    assert "'.xyz'" in line
    assert ".flac" in line
    assert "no extension" in refusal(capsys, INPUT, "say", "Hello.", "-o", "hello")
    assert "'wma'" in refusal(capsys, INPUT, "say", "Hello.", "--format", "wma")


def test_a_text_file_that_is_missing_or_not_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert "absent.txt" in refusal(capsys, INPUT, "say", "-f", "absent.txt")
    Path("gbk.txt").write_bytes("你好".encode("gbk"))
    assert "UTF-8" in refusal(capsys, INPUT, "say", "-f", "gbk.txt")
    refusal(capsys, INPUT, "say")


def test_an_unclosed_bracket_is_text_and_cuts_nothing_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["text", "normalize", "He said [laugh and left."]) == 0
    assert "and left" in capsys.readouterr().out


def test_an_unclosed_tag_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, INPUT, "say", "He said [laugh and left.")
    assert "'[laugh' at character 9" in line
    assert "write '[laugh]'" in line


@pytest.fixture
def broken(working_folder: Path) -> Path:
    """A copy of the embedded checkpoint, for breaking."""
    return Path(shutil.copytree(embedded_root(), working_folder / "broken"))


def test_models_that_are_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert "absent" in refusal(capsys, FILES, "say", "Hello.", "--model", "./absent")
    Path("empty").mkdir()
    assert "empty" in refusal(capsys, FILES, "say", "Hello.", "--model", "./empty")


def test_a_checkpoint_without_one_of_its_files(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    (broken / "asset" / "Vocos.safetensors").unlink()
    assert "Vocos.safetensors" in refusal(capsys, FILES, "say", "Hello.", "--model", str(broken))


def test_a_checkpoint_whose_configuration_is_of_another(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    config = broken / "asset" / "gpt" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"num_hidden_layers": 6', '"num_hidden_layers": 7'))
    assert "missing" in refusal(capsys, FILES, "say", "Hello.", "--model", str(broken))


def test_a_truncated_safetensors_file(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    file = broken / "asset" / "Decoder.safetensors"
    file.write_bytes(file.read_bytes()[:100_000])
    assert "Decoder.safetensors" in refusal(capsys, FILES, "say", "Hello.", "--model", str(broken))


def test_a_header_longer_than_the_file(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    (broken / "asset" / "Embed.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    assert "Embed.safetensors" in refusal(capsys, FILES, "say", "Hello.", "--model", str(broken))


def test_a_pickle_where_weights_are_expected(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    (broken / "asset" / "Decoder.safetensors").write_bytes(b"\x80\x02}q\x00.")
    line = refusal(capsys, FILES, "say", "Hello.", "--model", str(broken))
    assert "pickle" in line
    assert "Decoder.safetensors" in line


@pytest.fixture
def listening_model() -> str:
    """A checkpoint that can hear recordings, which the embedded one cannot."""
    return str(GOLDENS / "checkpoint")


@pytest.mark.parametrize(("seconds", "named"), [(0.0, "0 s"), (600.0, "30")])
def test_recordings_too_short_or_too_long(
    capsys: pytest.CaptureFixture[str], listening_model: str, seconds: float, named: str
) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, int(seconds * 8000)).astype(np.float32)
    write_audio(Path("recording.wav"), noise, 8000)
    line = refusal(capsys, INPUT, *ADD, "recording.wav", "-t", "Hello.", "--model", listening_model)
    assert "recording.wav" in line
    assert named in line


def test_a_silent_recording(capsys: pytest.CaptureFixture[str], listening_model: str) -> None:
    write_audio(Path("silence.wav"), np.zeros(48_000, np.float32), 24_000)
    line = refusal(capsys, INPUT, *ADD, "silence.wav", "-t", "Hello.", "--model", listening_model)
    assert "silen" in line


def test_a_text_file_named_mp3(capsys: pytest.CaptureFixture[str], listening_model: str) -> None:
    Path("song.mp3").write_text("This is no sound.\n" * 100, encoding="utf-8")
    line = refusal(capsys, INPUT, *ADD, "song.mp3", "-t", "Hello.", "--model", listening_model)
    assert "song.mp3" in line


ADD = ("voices", "add", "mine")


def test_sources_that_are_no_voice(capsys: pytest.CaptureFixture[str]) -> None:
    write_audio(Path("words.wav"), np.full(48_000, 0.1, np.float32), 24_000)
    assert "--transcript" in refusal(capsys, INPUT, *ADD, "words.wav")
    assert "cannot learn a voice" in refusal(capsys, INPUT, *ADD, "words.wav", "-t", "Hello.")
    assert "'absent.wav'" in refusal(capsys, INPUT, *ADD, "absent.wav", "-t", "Hello.")
    refusal(capsys, INPUT, *ADD, "蘁淰敥欀")
    Path("vector.pt").write_bytes(b"not a tensor")
    assert "vector.pt" in refusal(capsys, FILES, *ADD, "vector.pt")
    Path("other.safetensors").write_bytes(b"no tensors")
    assert "other.safetensors" in refusal(capsys, FILES, *ADD, "other.safetensors")


def test_names_that_no_voice_can_have(capsys: pytest.CaptureFixture[str]) -> None:
    voice = embedded_root() / "voices" / "vivienne.safetensors"
    assert "'../x'" in refusal(capsys, INPUT, "voices", "add", "../x", str(voice))
    assert "'../x'" in refusal(capsys, INPUT, "voices", "remove", "../x")
    assert "'nobody'" in refusal(capsys, INPUT, "voices", "show", "nobody")


def test_settings_that_do_not_exist(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("vivace.yaml").write_text("limits: {max_cahrs: 3}\n", encoding="utf-8")
    line = refusal(capsys, INPUT, "say", "Hello.", "--config", "vivace.yaml")
    assert "did you mean 'limits.max_chars'?" in line
    monkeypatch.setenv("VIVACE_DEVISE", "cpu")
    assert "'VIVACE_DEVICE'" in refusal(capsys, INPUT, "say", "Hello.")
