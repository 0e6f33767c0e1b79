"""Print one fingerprint per request, to prove that a change leaves every sample as it was.

Run it before and after a change on the same machine, and compare the two outputs::

    python scripts/same_sound.py > before.txt
    python scripts/same_sound.py > after.txt
    diff before.txt after.txt

The 24 requests cover both model families, all embedded voices, streams, batches, the refine pass and speeds. All seeds
are fixed. The small checkpoints with random weights are those of ``tests/goldens``.
"""

import asyncio
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
for name in [name for name in os.environ if name.startswith("VIVACE_")]:
    del os.environ[name]  # settings of the user would change the sound

from fakes.gpt_sovits import convert_recorded  # noqa: E402

from vivace import TTS, TTSConfig, Voice  # noqa: E402

Samples = NDArray[np.float32]
Case = tuple[str, Callable[[], Iterable[Samples]]]

GOLDENS = ROOT / "tests" / "goldens"
MIXED = "The train to 上海 leaves at 7:30. 请带好您的行李。"
ENGLISH = "The train leaves at 7:30, from platform 4."
LONG = "Good morning. It is 21.5 °C outside; [pause 0.3s] take a coat! 今天下午三点开会,别迟到。Really?"
CHINESE = "今天天气不错。我们去公园走一走。"
STYLE = {"v2": 48, "v3": 48, "v4": 40}  # width of a style vector, by version
CONDITION = {"v3": 24, "v4": 16}  # channels
MEL_BANDS, PROMPT_FRAMES = 100, 60


def joined(chunks: Iterable[object]) -> Samples:
    return np.concatenate([chunk.samples for chunk in chunks])  # type: ignore[attr-defined]


def embedded_cases(tts: TTS) -> Iterator[Case]:
    for voice in tts.voices:
        text = MIXED if "zh" in voice.languages else ENGLISH
        spoken = partial(tts.synthesize, text, voice=voice.name, seed=1)
        yield f"embedded {voice.name}", lambda spoken=spoken: [spoken().samples]  # type: ignore[misc]
    say, stream = partial(tts.synthesize, seed=7), partial(tts.stream, seed=7)
    yield "embedded stream", lambda: [joined(stream(MIXED))]
    yield "embedded stream by piece", lambda: [joined(stream(LONG, by_piece=True))]
    yield "embedded batch", lambda: [s.samples for s in tts.synthesize_batch([MIXED, LONG, "Yes."], seed=3)]
    yield "embedded slow", lambda: [say(MIXED, speed=0.7).samples]
    yield "embedded fast", lambda: [say(MIXED, speed=1.6).samples]
    yield "embedded sampling", lambda: [say(MIXED, temperature=0.8, top_p=0.9, top_k=12).samples]
    yield "embedded long", lambda: [say(LONG).samples]
    yield "embedded lexicon", lambda: [say("Vivace, please.", lexicon={"vivace": "V IY0 V AA1 CH EY0"}).samples]
    yield "embedded awaited", lambda: [asyncio.run(awaited(tts, MIXED))]


async def awaited(tts: TTS, text: str) -> Samples:
    try:
        from vivace import AsyncTTS
    except ImportError:
        from vivace.pipeline.async_tts import AsyncTTS
    return joined([chunk async for chunk in AsyncTTS(tts).stream(text, seed=5)])


def chattts_cases(tts: TTS) -> Iterator[Case]:
    say = partial(tts.synthesize, seed=11, voice="seed:4")
    yield "chattts", lambda: [say("你好，世界。Hello.").samples]
    yield "chattts refine", lambda: [say("你好。", refine="[oral_2][break_3]").samples]
    yield "chattts stream", lambda: [joined(tts.stream("你好，世界。", seed=12, voice="seed:5"))]
    recording = GOLDENS / "gpt_sovits" / "common" / "reference.wav"
    yield "chattts cloned", lambda: [say("你好。", voice=tts.clone_voice(recording, "今天天气不错。")).samples]


def gpt_sovits_cases(open_version: Callable[[str], TTS]) -> Iterator[Case]:
    v2, v3, v4 = open_version("v2"), open_version("v3"), open_version("v4")
    voice, voice_v3 = random_voice("v2"), random_voice("v3")
    voice_v4 = random_voice("v4")
    yield "gpt-sovits v2", lambda: [v2.synthesize(CHINESE, voice=voice, seed=2).samples]
    yield "gpt-sovits v2 stream", lambda: [joined(v2.stream(CHINESE, voice=voice, seed=2))]
    yield (
        "gpt-sovits v2 cut5",
        lambda: [v2.synthesize("好，去公园。", voice=voice, seed=3, split_method="cut5", pause_s=0.3).samples],
    )
    yield "gpt-sovits v2 fast", lambda: [v2.synthesize("今天天气不错。", voice=voice, seed=3, speed=1.5).samples]
    yield (
        "gpt-sovits v3 4 steps",
        lambda: [v3.synthesize("今天天气不错。", voice=voice_v3, seed=4, sample_steps=4).samples],
    )
    yield "gpt-sovits v4", lambda: [v4.synthesize("今天天气不错。", voice=voice_v4, seed=4).samples]
    yield "gpt-sovits v4 stream", lambda: [joined(v4.stream("今天天气不错。", voice=voice_v4, seed=5))]


def random_voice(version: str) -> Voice:
    """A voice of random numbers that fits the recorded models of ``version``."""
    draw = np.random.default_rng(9)
    style = (draw.standard_normal(STYLE[version]) * 0.1).astype(np.float32)
    codes = draw.integers(0, 1024, (1, 40)).astype(np.int32)
    further: dict[str, NDArray[np.float32]] = {}
    if version in CONDITION:
        further["mel"] = draw.uniform(-1, 1, (MEL_BANDS, PROMPT_FRAMES)).astype(np.float32)
        further["condition"] = draw.standard_normal((CONDITION[version], PROMPT_FRAMES)).astype(np.float32)
    return Voice("random", style, codes, "今天天气不错。", languages=("zh", "en"), **{OWN: further})  # type: ignore[arg-type]


OWN = "family_tensors" if "family_tensors" in Voice.__dataclass_fields__ else "own"


def config(**values: object) -> TTSConfig:
    return TTSConfig(threads=1, device="cpu", **values)


def fingerprint(arrays: Iterable[Samples]) -> str:
    digest = hashlib.sha256()
    length = 0
    for array in arrays:
        digest.update(np.ascontiguousarray(array, "<f4").tobytes())
        length += len(array)
    return f"{length:>8} {digest.hexdigest()[:32]}"


def main() -> None:
    """Print a line for each request: samples, fingerprint, name."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        paths = {"voices_dir": folder}
        tts = stack.enter_context(TTS(config=config(paths=paths)))
        small = config(paths=paths, check={"retries": 0}, cache={"voices": False})
        chattts = stack.enter_context(TTS(GOLDENS / "chattts" / "checkpoint", config=small))

        def open_version(version: str) -> TTS:
            return stack.enter_context(TTS(convert_recorded(version, Path(folder) / version), config=small))

        cases = [*embedded_cases(tts), *chattts_cases(chattts), *gpt_sovits_cases(open_version)]
        for name, make in cases:
            print(fingerprint(make()), name, flush=True)


if __name__ == "__main__":
    main()
