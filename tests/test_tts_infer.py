"""The settings file of GPT-SoVITS' own server, as people have it."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from vivace import TTS
from vivace.errors import SettingsError, WeightsError
from vivace.models.gpt_sovits.checkpoint.convert import converted_installation
from vivace.pipeline.model_names import open_pool
from vivace.settings import TTSConfig

GOLDENS = Path(__file__).parent / "goldens" / "gpt_sovits"
PRETRAINED = "GPT_SoVITS/pretrained_models"


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """The folders of an installation, with small models in them."""
    models = tmp_path / PRETRAINED
    (models / "gsv-v2final-pretrained").mkdir(parents=True)
    (models / "gsv-v4-pretrained").mkdir()
    for name in ("chinese-hubert-base", "chinese-roberta-wwm-ext-large"):
        (models / name).mkdir()
    s1 = GOLDENS / "s1" / "s1.ckpt"
    shutil.copy(s1, models / "gsv-v2final-pretrained" / "s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt")
    shutil.copy(GOLDENS / "s2_v2" / "s2_v2.pth", models / "gsv-v2final-pretrained" / "s2G2333k.pth")
    shutil.copy(s1, models / "s1v3.ckpt")
    shutil.copy(GOLDENS / "s2_v4" / "s2_v4.pth", models / "gsv-v4-pretrained" / "s2Gv4.pth")
    shutil.copy(GOLDENS / "vocoders" / "vocoder_v4.pth", models / "gsv-v4-pretrained" / "vocoder.pth")
    (tmp_path / "GPT_SoVITS" / "configs").mkdir()
    return tmp_path


def section(version: str, **further: Any) -> dict[str, Any]:
    return {
        "bert_base_path": f"{PRETRAINED}/chinese-roberta-wwm-ext-large",
        "cnhuhbert_base_path": f"{PRETRAINED}/chinese-hubert-base",
        "device": "cpu",
        "is_half": False,
        "version": version,
        "t2s_weights_path": f"{PRETRAINED}/gone.ckpt",
        "vits_weights_path": f"{PRETRAINED}/gone.pth",
        **further,
    }


def write(root: Path, content: dict[str, Any]) -> Path:
    file = root / "GPT_SoVITS" / "configs" / "tts_infer.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def test_the_chosen_section_is_read(installation: Path) -> None:
    own = f"{PRETRAINED}/s1v3.ckpt"
    custom = section("v4", t2s_weights_path=own, device="cuda:1", use_vocoder_optimization=False)
    config = TTSConfig.load(write(installation, {"custom": custom, "v2": section("v2"), "vocoder_chunk_size": 90}))
    assert (config.device, config.precision) == ("cuda:1", "float32")
    assert (config.vocoder.graphs, config.vocoder.vocoder_chunk_size) == (False, 90)
    assert config.gpt_sovits.version == "v4"
    assert config.gpt_sovits.gpt == installation / own
    assert config.gpt_sovits.sovits is None  # what is not there is the version's own
    assert config.gpt_sovits.pretrained == installation / PRETRAINED


def test_without_a_choice_it_is_v2_and_cuda_is_what_is_there(installation: Path) -> None:
    config = TTSConfig.load(
        write(installation, {"v2": section("v2", device="cuda", is_half=True), "v4": section("v4")})
    )
    assert (config.device, config.precision, config.gpt_sovits.version) == ("auto", "auto", "v2")


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_the_models_are_converted_once_and_speak(
    installation: Path, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = TTSConfig.load(write(installation, {"custom": section(version)}))
    with caplog.at_level(logging.INFO, "vivace.models.gpt_sovits.checkpoint.convert"):
        folder, again = (converted_installation(config.gpt_sovits, config.paths.cache_dir) for _ in range(2))
    assert folder == again
    assert caplog.text.count("this happens once") == 1
    assert folder.is_relative_to(config.paths.cache_dir)
    with TTS(config=config) as tts:
        assert tts.sample_rate == {"v2": 32_000, "v4": 48_000}[version]
    named, pool = open_pool(config)
    assert (list(named), named.default) == ([version], version)
    with pool, pool.use(version) as tts:
        assert tts.name == version


def test_a_model_that_is_named_elsewhere_wins(installation: Path) -> None:
    config = TTSConfig.load(write(installation, {"custom": section("v2")}), model=str(installation))
    with pytest.raises(WeightsError, match="is no complete checkpoint"):
        TTS(config=config)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"custom": {"devise": "cpu"}}, "unknown key 'custom.devise'; known: bert_base_path"),
        ({"custom": section("v5")}, "version is 'v5'; known: v1, v2"),
        ({"custom": ["v2"]}, "section 'custom' holds a list"),
    ],
)
def test_what_is_wrong_is_said(installation: Path, content: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        TTSConfig.load(write(installation, content))


def test_an_installation_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "tts_infer.yaml"
    file.write_text(yaml.safe_dump({"custom": section("v2")}), encoding="utf-8")
    with pytest.raises(SettingsError, match="start in its folder, or write whole paths"):
        TTSConfig.load(file)


def test_other_files_are_read_as_before(tmp_path: Path) -> None:
    file = tmp_path / "vivace.yaml"
    file.write_text("device: cpu\ncustom: {}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="unknown key 'custom'"):
        TTSConfig.load(file)
