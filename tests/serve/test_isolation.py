"""Sixteen requests at once, sixteen voices, two pairs of models: everybody hears their own, whole."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.gpt_sovits import FakeHubert, convert_recorded, recording
from safetensors.torch import load_file, save_file

from vivace import TTS, TTSConfig
from vivace.models.gpt_sovits.family import GPTSoVITSFamily
from vivace.pipeline.checkpoints import weight_bytes
from vivace.pipeline.model_names import open_pool
from vivace.pipeline.options import SpeakOptions
from vivace.serve.backend import TTSBackend
from vivace.voices.voice import Voice

TEXTS = ("你好。", "好。", "Yes.", "好。\n\nNo.")  # the last one has two pieces
VOICES = 8  # of each pair


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("isolation")
    pairs = {name: convert_recorded("v2", root / name) for name in ("anna", "ben")}
    file = pairs["ben"] / "s2.safetensors"
    tensors = load_file(file)
    for name in tensors:
        if name.startswith("ref_enc.") and name.endswith("weight"):
            tensors[name] = tensors[name] * 1.5
    save_file(tensors, file)
    return pairs


@pytest.fixture(scope="module")
def config(folders: dict[str, Path]) -> TTSConfig:
    return TTSConfig(
        models={name: str(folder) for name, folder in folders.items()},
        engine={"slots": 8, "positions": 512, "long_slots": 0},
    )


@pytest.fixture(scope="module")
def orders(folders: dict[str, Path], config: TTSConfig) -> list[tuple[str, SpeakOptions]]:
    """Request ``n``: its text, model and voice; neighbors have different models."""
    made: list[tuple[str, SpeakOptions]] = []
    for pair, (name, folder) in enumerate(folders.items()):
        with TTS(folder, config=config) as tts:
            stages = tts.family
            assert isinstance(stages, GPTSoVITSFamily)
            stages.parts = replace(stages.parts, hubert=FakeHubert())  # type: ignore[arg-type]
            for number in range(VOICES):
                voice: Voice = stages.encode_reference([recording(VOICES * pair + number)], "今天天气不错。")
                text = TEXTS[number % len(TEXTS)]
                made.append((text, SpeakOptions(model=name, voice=voice, seed=number)))
    return [made[i // 2 + VOICES * (i % 2)] for i in range(2 * VOICES)]


@pytest.fixture(scope="module")
def alone(folders: dict[str, Path], config: TTSConfig, orders: list[tuple[str, SpeakOptions]]) -> list[bytes]:
    """What each request says when nobody else is there."""
    said: dict[int, bytes] = {}
    for name, folder in folders.items():
        with TTS(folder, config=config) as tts:
            for place, (text, options) in enumerate(orders):
                if options["model"] == name:
                    own = SpeakOptions(**{**options, "model": str(folder)})
                    said[place] = tts.synthesize(text, **own).samples.tobytes()
    assert len(set(said.values())) == len(orders)  # every voice sounds like itself
    return [said[place] for place in range(len(orders))]


@pytest.mark.parametrize(("room", "requests"), [(4.0, 16), (1.5, 6)], ids=["both pairs loaded", "one pair at a time"])
def test_everybody_hears_their_own_voice_and_all_of_it(
    folders: dict[str, Path],
    config: TTSConfig,
    orders: list[tuple[str, SpeakOptions]],
    alone: list[bytes],
    room: float,
    requests: int,
) -> None:
    limit = room * weight_bytes(folders["anna"]) / 1e6
    named, pool = open_pool(config.model_copy(update={"models_memory_mb": limit}))
    speaker = TTSBackend(named, pool)

    async def whole(text: str, options: SpeakOptions) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return (await speaker.synthesize(text, **options)).samples

    async def streamed(text: str, options: SpeakOptions) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.concatenate([chunk.samples async for chunk in speaker.stream(text, **options)])

    async def together() -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
        ways = (whole, streamed)
        return await asyncio.gather(*(ways[i // 2 % 2](*order) for i, order in enumerate(orders[:requests])))

    with pool:
        heard = asyncio.run(together())
        assert all(not model.users for model in pool.loaded)
        assert len(pool.loaded) == (2 if room > 2 else 1)
    for mine, samples in zip(alone[:requests], heard, strict=True):
        np.testing.assert_allclose(samples, np.frombuffer(mine, np.float32), atol=1e-4)


def test_leaving_while_a_model_is_waited_for_holds_nothing(
    folders: dict[str, Path], config: TTSConfig, orders: list[tuple[str, SpeakOptions]]
) -> None:
    limit = 1.5 * weight_bytes(folders["anna"]) / 1e6
    named, pool = open_pool(config.model_copy(update={"models_memory_mb": limit}))
    speaker = TTSBackend(named, pool)

    async def leave() -> None:
        async with speaker.holding("anna"):
            waiting = asyncio.create_task(speaker.synthesize(*orders[1][:1], **orders[1][1]))
            await asyncio.sleep(0.2)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with speaker.holding("anna"):  # comes after the one that nobody waits for
            pass

    with pool:
        asyncio.run(leave())
        assert all(not model.users for model in pool.loaded)
