"""GPT-SoVITS from a recording and a text to a wave, on the recorded small models."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from fakes.gpt_sovits import load_recorded, recording
from numpy.typing import NDArray

from vivace.engine.chunking import NO_STREAMING
from vivace.engine.sequence import EngineConfig
from vivace.engine.thread import AudioPart, EngineThread, Finished, GenerationRequest, RequestOutput
from vivace.errors import InputError, TTSError
from vivace.models.family import Reference
from vivace.models.gpt_sovits.family import GPTSoVITSFamily
from vivace.models.gpt_sovits.options import GPTSoVITSOptions
from vivace.models.gpt_sovits.s2.decode import DecodeContext
from vivace.text import split
from vivace.voices.voice import Voice, load_voice, save_voice

VERSIONS = ("v2", "v2Pro", "v3", "v4")
SIZES = EngineConfig(slots=4, positions=512, long_slots=0)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, GPTSoVITSFamily]:
    folder = tmp_path_factory.mktemp("gpt_sovits")
    return {version: GPTSoVITSFamily(load_recorded(version, folder), steps=2) for version in VERSIONS}


def speak(worker: EngineThread, stages: GPTSoVITSFamily, voice: Voice, text: str, seed: int) -> NDArray[np.float32]:
    """One piece."""
    (piece,) = split(text)
    script = stages.model_text(piece)
    heard = None
    if voice.prompt_codes is not None and voice.transcript is not None:
        heard = Reference(voice.prompt_codes, voice.transcript)
    sampling = replace(stages.sampling, max_new_tokens=30)
    messages: SimpleQueue[RequestOutput] = SimpleQueue()
    worker.submit(
        GenerationRequest(lambda: stages.generation(script, voice, heard, sampling, seed), messages.put, NO_STREAMING)
    )
    parts = []
    while not isinstance(message := messages.get(timeout=120), Finished):
        if isinstance(message, TTSError):
            raise message
        assert isinstance(message, AudioPart)
        parts.append(message.samples)
    return np.concatenate(parts)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recording_becomes_a_voice_that_speaks(stages: dict[str, GPTSoVITSFamily], version: str) -> None:
    own = stages[version]
    voices = [own.encode_reference([recording(n)], "今天天气不错。") for n in range(2)]
    worker = EngineThread(own.engine(SIZES), own.frame_stage())
    try:
        first, again = (speak(worker, own, voices[0], "你好，世界 hello there.", 7) for _ in range(2))
        other_seed = speak(worker, own, voices[0], "你好，世界 hello there.", 8)
        other_voice = speak(worker, own, voices[1], "你好，世界 hello there.", 7)
    finally:
        worker.close()
    assert np.array_equal(first, again)
    assert len(first) > 0.4 * own.sample_rate
    assert np.isfinite(first).all()
    assert np.abs(first).max() <= 1
    for other in (other_seed, other_voice):
        assert len(other) != len(first) or np.abs(other - first).max() > 1e-3


def test_many_voices_at_once_each_say_what_they_say_alone(stages: dict[str, GPTSoVITSFamily]) -> None:
    """No audio of one voice in another, and nothing lost, with more requests than rows."""
    own = stages["v2"]
    voices = [own.encode_reference([recording(n)], "早上好，各位听众。") for n in range(8)]
    texts = [f"第{n}个人说话。" for n in range(8)]
    alone, together = (EngineThread(own.engine(SIZES), own.frame_stage()) for _ in range(2))
    try:
        want = [speak(alone, own, voice, text, n) for n, (voice, text) in enumerate(zip(voices, texts, strict=True))]
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda n: speak(together, own, voices[n], texts[n], n), range(8)))
    finally:
        alone.close()
        together.close()
    for mine, theirs in zip(got, want, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_a_voice_is_kept_in_a_file_as_it_is(stages: dict[str, GPTSoVITSFamily], tmp_path: Path) -> None:
    voice = stages["v4"].encode_reference([recording(0)], "今天天气不错。")
    save_voice(voice, tmp_path / "v.safetensors")
    kept = load_voice(tmp_path / "v.safetensors")
    assert kept.family_tensors.keys() == {"mel", "condition"}
    assert all(np.array_equal(kept.family_tensors[name], voice.family_tensors[name]) for name in voice.family_tensors)
    assert kept.embedding is not None
    assert voice.embedding is not None
    assert np.array_equal(kept.embedding, voice.embedding)


def test_several_recordings_give_the_mean_of_their_styles(stages: dict[str, GPTSoVITSFamily]) -> None:
    for version in ("v2", "v2Pro"):
        own = stages[version]
        single = [own.encode_reference([recording(n)], None).embedding for n in range(2)]
        both = own.encode_reference([recording(0), recording(1)], None).embedding
        assert both is not None
        np.testing.assert_allclose(both, np.mean([s for s in single if s is not None], axis=0), atol=1e-6)


def test_without_a_transcript_the_timbre_alone_speaks_where_the_version_can(
    stages: dict[str, GPTSoVITSFamily],
) -> None:
    own = stages["v2"]
    voice = own.encode_reference([recording(0)], None)
    assert voice.prompt_codes is None
    worker = EngineThread(own.engine(SIZES), own.frame_stage())
    try:
        assert len(speak(worker, own, voice, "你好，世界。", 1)) > 0
    finally:
        worker.close()
    with pytest.raises(InputError, match="transcript"):
        stages["v3"].encode_reference([recording(0)], None)


def test_voices_of_another_model_and_deaf_checkpoints_are_named(stages: dict[str, GPTSoVITSFamily]) -> None:
    own = stages["v4"]
    foreign = Voice("x", embedding=np.zeros(768, np.float32))
    with pytest.raises(InputError, match=r"'x' was not made for this model \(GPT-SoVITS v4\)"):
        own.conditioning(foreign)
    with pytest.raises(InputError, match="recording with its words"):
        own.conditioning(Voice("x", embedding=np.zeros(own.style_width, np.float32)))
    deaf = GPTSoVITSFamily(replace(own.parts, hubert=None))
    with pytest.raises(InputError, match="chinese-hubert-base"):
        deaf.encode_reference([recording(0)], "你好")


def test_endless_speech_is_cut_off_at_what_its_phones_can_take(stages: dict[str, GPTSoVITSFamily]) -> None:
    own = stages["v2"]
    assert own.bounded(10, own.sampling).max_new_tokens == 10 * 6 + 75
    assert own.bounded(10_000, own.sampling).max_new_tokens == 1500
    assert own.bounded(10, replace(own.sampling, max_new_tokens=20)).max_new_tokens == 20
    assert own.bounded(10, replace(own.sampling, min_new_tokens=0)).min_new_tokens == 11


@torch.inference_mode()
def test_phones_and_features_go_together(stages: dict[str, GPTSoVITSFamily]) -> None:
    own = stages["v2"]
    script = own.model_text(split("我用Python写代码。")[0])
    ids, features = own.text(script.runs)
    assert len(ids) == len(features) == sum(len(run.phones) for run in script.runs)
    assert not features.any()  # there is no BERT in these goldens


def test_a_request_may_choose_the_steps_of_the_solver(stages: dict[str, GPTSoVITSFamily]) -> None:
    own = stages["v4"]
    voice = own.encode_reference([recording(0)], "今天天气不错。")
    (piece,) = split("你好，世界。")
    script, heard = own.model_text(piece), Reference(voice.prompt_codes, "今天天气不错。")  # type: ignore[arg-type]
    codes = torch.arange(12)
    waves = {}
    for steps in (None, 2, 3):
        saying = own.generation(script, voice, heard, own.sampling, 1, GPTSoVITSOptions(steps)).context
        assert isinstance(saying, DecodeContext)
        waves[steps] = own.frame_stage().wave(codes, saying)
    assert torch.equal(waves[None], waves[2])  # what these stages were made with
    assert not torch.equal(waves[2], waves[3])
