"""GPT-SoVITS pairs: any GPT model with any SoVITS model that reads the same phones, several in one process."""

import gc
import json
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.gpt_sovits import FakeHubert, convert_recorded, recording
from safetensors.torch import load_file, save_file

from vivace import TTS, TTSConfig
from vivace.errors import InputError, SettingsError, WeightsMismatchError
from vivace.models.gpt_sovits.family import GPTSoVITSFamily
from vivace.pipeline.checkpoints import weight_bytes
from vivace.pipeline.model_names import open_pool
from vivace.voices.voice import Voice, load_voice, save_voice

SIZES = {"rows": 2, "positions": 512, "long_slots": 0}


def changed(source: Path, target: Path, file: str, suffix: str, scale: float) -> Path:
    """A fine-tune: one tensor of one file is another."""
    shutil.copytree(source, target)
    tensors = load_file(target / file)
    (name,) = [name for name in tensors if name.endswith(suffix)][:1]
    tensors[name] = tensors[name] * scale
    save_file(tensors, target / file)
    return target


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pairs")
    anna = convert_recorded("v2", root / "anna")
    ben = changed(anna, root / "ben", "s1.safetensors", "ar_text_embedding.word_embeddings.weight", 0.5)
    return {"anna": anna, "ben": changed(ben, root / "ben2", "s2.safetensors", "ref_enc.fc.fc.weight", 0.5)}


@pytest.fixture(scope="module")
def config(folders: dict[str, Path]) -> TTSConfig:
    return TTSConfig(models={name: str(folder) for name, folder in folders.items()}, engine=SIZES)


def voice_of(tts: TTS, number: int = 0) -> Voice:
    stages = tts.family
    assert isinstance(stages, GPTSoVITSFamily)
    stages.parts = replace(stages.parts, hubert=FakeHubert())  # type: ignore[arg-type]
    return stages.encode_reference([recording(number)], "今天天气不错。")


def test_a_pair_is_the_gpt_of_one_and_the_sovits_of_another(config: TTSConfig) -> None:
    models, pool = open_pool(config)
    assert (list(models), models.default) == (["anna", "ben"], "anna")
    said = {}
    with pool:
        with pool.use("ben") as tts:
            voice = voice_of(tts)
        for name in ("ben", "anna+ben"):
            with pool.use(name) as tts:
                assert tts.name == name
                said[name] = tts.synthesize("你好，世界。", voice=voice, seed=1).samples
        assert not np.array_equal(said["ben"], said["anna+ben"])
        assert [model.name for model in pool.loaded] == ["ben", "anna+ben"]


def test_a_voice_is_for_models_that_would_have_heard_it_alike(config: TTSConfig, tmp_path: Path) -> None:
    _, pool = open_pool(config)
    with pool:
        with pool.use("ben") as tts:
            voice = voice_of(tts)
            save_voice(voice, tmp_path / "it.safetensors")
            assert tts.family.supports_voice(load_voice(tmp_path / "it.safetensors"))
            assert tts.family.supports_voice(replace(voice, compatible_with=""))  # of an earlier version: it may be
        with pool.use("anna+ben") as tts:
            assert tts.family.supports_voice(voice)
        with pool.use("anna") as tts:
            assert not tts.family.supports_voice(voice)
            with pytest.raises(InputError, match="was not made for this model"):
                tts.synthesize("你好。", voice=voice)


def test_under_a_limit_the_one_that_was_used_last_stays(folders: dict[str, Path], config: TTSConfig) -> None:
    room = 1.5 * weight_bytes(folders["anna"]) / 1e6
    _, pool = open_pool(config.model_copy(update={"models_memory_mb": room}))
    with pool:
        for name in ("anna", "ben", "anna"):
            with pool.use(name) as tts:
                assert tts.sample_rate == 32_000
            assert [model.name for model in pool.loaded] == [name]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("carl", "no model 'carl'; known: anna, ben"),
        ("anna+carl", "no model 'carl'"),
        ("anna+ben+anna", "'ben\\+anna'"),
    ],
)
def test_a_model_that_nobody_named(config: TTSConfig, asked: str, says: str) -> None:
    models, pool = open_pool(config)
    assert asked not in models
    with pool, pytest.raises(InputError, match=says):
        pool.lease(asked).result()


def test_a_model_that_left_lets_go_of_its_memory(folders: dict[str, Path], config: TTSConfig) -> None:
    room = 1.5 * weight_bytes(folders["anna"]) / 1e6
    _, pool = open_pool(config.model_copy(update={"models_memory_mb": room}))
    with pool:
        with pool.use("anna") as tts:
            tts.synthesize("你好。", voice=voice_of(tts), seed=1)
            weights = weakref.ref(tts.family.parts.s1)  # type: ignore[attr-defined]
        with pool.use("ben"):
            gc.collect()
            assert weights() is None  # though somebody still knows the TTS


def test_models_of_other_phones_are_no_pair(folders: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "v1"
    shutil.copytree(folders["anna"], other)
    tensors = load_file(other / "s1.safetensors")
    key = next(name for name in tensors if name.endswith("ar_text_embedding.word_embeddings.weight"))
    tensors[key] = tensors[key][:322].contiguous()
    save_file(tensors, other / "s1.safetensors")
    with pytest.raises(WeightsMismatchError, match=r"knows 322 phones, the SoVITS model of .* 732; v1 goes with v1"):
        TTS(folders["anna"], gpt=other)
    with pytest.raises(InputError, match="is a ChatTTS checkpoint and has no part 'gpt'"):
        TTS(gpt=folders["anna"])


def test_names_that_cannot_be(folders: dict[str, Path]) -> None:
    with pytest.raises(SettingsError, match="'a\\+b' cannot be a model's name"):
        open_pool(TTSConfig(models={"a+b": str(folders["anna"])}))
    models, _ = open_pool(TTSConfig(model="elsewhere", models={"anna": str(folders["anna"])}))
    assert (list(models), models.default) == (["elsewhere", "anna"], "elsewhere")
    assert json.dumps(list(models))
