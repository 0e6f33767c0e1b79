"""One configuration from a file, the environment and keywords."""

import os
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from vivace.errors import SettingsError
from vivace.settings import TTSConfig, known_keys
from vivace.settings.sources import RENAMED


def write(folder: Path, text: str) -> Path:
    path = folder / "vivace.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_speak_with_the_embedded_voice_on_any_machine() -> None:
    config = TTSConfig()
    assert (config.model, config.device, config.limits.max_chars) == (None, "auto", 20_000)
    assert config.inference.voice is None


def test_keywords_win_over_environment_over_file_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "inference: {seed: 1, speed: 1.5, top_k: 5}\ndevice: cpu\n")
    monkeypatch.setenv("VIVACE_INFERENCE__SEED", "2")
    monkeypatch.setenv("VIVACE_INFERENCE__SPEED", "2.0")
    config = TTSConfig.load(file, inference={"seed": 3, "voice": None})
    assert config.inference.seed == 3
    assert config.inference.speed == 2.0
    assert config.inference.top_k == 5
    assert config.inference.top_p is None
    assert config.device == "cpu"


def test_the_environment_reaches_a_config_made_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVACE_MODEL", "2Noise/ChatTTS")
    assert TTSConfig().model == "2Noise/ChatTTS"
    assert TTSConfig(model="other").model == "other"


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVACE_CONFIG", str(write(tmp_path, "threads: 2\n")))
    assert TTSConfig.load().threads == 2


def test_hub_variables_of_huggingface_are_the_default_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert TTSConfig().hub.endpoint == "https://mirror.example"
    assert TTSConfig().hub.offline
    monkeypatch.setenv("VIVACE_HUB__ENDPOINT", "https://nearer.example")
    assert TTSConfig().hub.endpoint == "https://nearer.example"


def test_empty_variables_and_null_values_count_as_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVACE_DEVICE", "")
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    config = TTSConfig.load(write(tmp_path, "device: null\nlimits: {max_chars: null}\n"))
    assert (config.device, config.limits.max_chars, config.hub.offline) == ("auto", 20_000, False)


def test_home_is_expanded() -> None:
    assert TTSConfig(paths={"voices_dir": "~/voices"}).paths.voices_dir == Path.home() / "voices"


def test_nothing_can_be_changed_afterwards() -> None:
    config = TTSConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.device = "cpu"
    with pytest.raises(ValidationError, match="frozen"):
        config.limits.max_chars = 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limits: {max_cahrs: 3}", "unknown key 'limits.max_cahrs'; did you mean 'limits.max_chars'?"),
        ("modle: x", "unknown key 'modle'; did you mean 'model'?"),
        ("threads: many", "threads = 'many': input should be a valid integer"),
        ("inference: {speed: 9}", "inference.speed = 9: input should be less than or equal to 4"),
        ("hub: nowhere", "hub = 'nowhere'"),
        ("- a list", "holds a list; write 'key: value' lines"),
        ("model: [", "is not YAML at line 1"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TTSConfig.load(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_like_no_other_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="unknown key 'zzzzzz'; known: cache,"):
        TTSConfig(zzzzzz=1)


def test_an_unknown_variable_fails_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVACE_HUB__OFLINE", "1")
    with pytest.raises(SettingsError, match="'VIVACE_HUB__OFLINE'; did you mean 'VIVACE_HUB__OFFLINE'"):
        TTSConfig()


def test_a_missing_file_and_one_that_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        TTSConfig.load(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"model: caf\xe9\n")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        TTSConfig.load(tmp_path / "latin.yaml")


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert TTSConfig.load(write(tmp_path, "# nothing yet\n")) == TTSConfig()


def test_the_example_file_names_every_key_and_holds_the_defaults() -> None:
    example = Path(__file__).parents[1] / "vivace.example.yaml"
    text = example.read_text(encoding="utf-8")
    assert [key for key in known_keys() if f"{key.rpartition('.')[2]}:" not in text] == []
    assert TTSConfig.load(example) == TTSConfig()


def test_what_is_printed_can_be_read_again() -> None:
    config = TTSConfig(inference={"seed": 3, "speed": 1.5}, cache={"results": "memory"})
    assert TTSConfig(**yaml.safe_load(config.to_yaml())) == config


def test_keys_are_never_printed() -> None:
    config = TTSConfig(server={"api_keys": ["very-secret"]})
    assert "very-secret" not in config.to_yaml() + repr(config)
    assert config.server.api_keys[0].get_secret_value() == "very-secret"


def test_the_environment_reaches_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVACE_SERVER__API_KEYS", '["one", "two"]')
    assert [key.get_secret_value() for key in TTSConfig().server.api_keys] == ["one", "two"]


def test_every_setting_is_read_somewhere() -> None:
    """A knob that turns nothing would be a lie; groups that are handed on whole count for what is in them."""
    package = Path(__file__).parents[1] / "vivace"
    code = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py") if "settings" not in path.parts)
    code += (package / "settings" / "config.py").read_text(encoding="utf-8")  # hands the engine's on
    whole = {"cuda", "engine", "stream"}
    keys = [key for key in known_keys() if key.rpartition(".")[0] not in whole]
    assert [key for key in keys if f".{key.rpartition('.')[2]}" not in code] == []


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_renamed_key_still_works_and_is_logged_with_its_new_name(
    old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    group, _, key = old.partition(".")
    value = type(getattr(getattr(TTSConfig(), group), new.partition(".")[2]))(0 if "graphs" in new else 3)
    file = write(tmp_path, f"{group}: {{{key}: {str(value).lower()}}}\n")
    from_file, from_keyword = TTSConfig.load(file), TTSConfig(**{group: {key: value}})
    assert f"the setting {old} is now called {new}" in caplog.text
    monkeypatch.setenv(f"VIVACE_{group}__{key}".upper(), str(value).lower())
    for config in (from_file, from_keyword, TTSConfig()):
        assert getattr(getattr(config, group), new.partition(".")[2]) == value


def test_a_new_key_wins_over_the_old_one_whatever_the_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "engine: {slots: 4}\n")
    monkeypatch.setenv("VIVACE_ENGINE__ROWS", "8")
    assert TTSConfig.load(file).engine.slots == 8, "the environment wins over the file"
    assert TTSConfig.load(file, engine={"rows": 2, "slots": 3}).engine.slots == 3


def test_a_user_without_a_home_has_private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_: str) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for variable in ("VIVACE_PATHS__CACHE_DIR", "VIVACE_PATHS__VOICES_DIR"):
        monkeypatch.delenv(variable, raising=False)
    for place in ("user_cache_path", "user_data_path"):
        monkeypatch.setattr(f"vivace.settings.config.{place}", homeless)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    paths = TTSConfig().paths
    folder = tmp_path / f"vivace-{os.getuid()}"
    assert (paths.cache_dir, paths.voices_dir) == (folder, folder / "voices")
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)  # another user could have put compiled kernels there
    with pytest.raises(SettingsError, match=r"has no home.*paths\.cache_dir"):
        TTSConfig()
