"""Requests leave nothing behind: a short form of benchmarks/memory.py, which watches the resident set."""

import gc
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch

from vivace import TTS, TTSConfig

FEW, MANY = 6, 20


@pytest.fixture(scope="module")
def tts() -> Iterator[TTS]:
    with TTS(config=TTSConfig(device="cpu")) as opened:
        yield opened


def speak(tts: TTS, first: int, count: int) -> None:
    """Requests that end by themselves, and of each third one that is called off at its first chunk."""
    for seed in range(first, first + count):
        if seed % 3:
            tts.synthesize("Yes.", seed=seed, reuse=False)
            continue
        chunks = tts.stream("No.", seed=seed)
        next(chunks)
        chunks.close()
    tts._core.engine_thread.call(lambda: None).result()  # what was called off is over


def held() -> tuple[int, int]:
    """Objects that the collector knows, and bytes of tensors."""
    gc.collect()
    objects = gc.get_objects()
    tensors = [t for t in objects if type(t) is torch.Tensor and t.layout is torch.strided]  # packed ones have no bytes
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return len(objects), sum(storages.values())


def test_many_requests_hold_no_more_than_few(tts: TTS) -> None:
    """What leaks does so in every round; what is set up once, in the first that needs it."""
    speak(tts, 0, FEW)
    rounds = [held()]
    for first in range(FEW, FEW + 3 * MANY, MANY):
        speak(tts, first, MANY)
        rounds.append(held())
    objects, tensors = zip(*rounds, strict=True)
    assert tensors[-1] == tensors[0]
    growth = min(later - earlier for earlier, later in pairwise(objects))
    assert growth < MANY, "every request leaves an object behind"
    assert tts._core.engine_thread.load.running == tts._core.engine_thread.load.waiting == 0


def test_what_is_left_behind_is_seen(tts: TTS) -> None:
    speak(tts, 0, 1)
    objects, tensors = held()
    kept = [torch.zeros(2) for _ in range(10 * MANY)]  # more than a thread of the engine lets go meanwhile
    more_objects, more_tensors = held()
    assert more_tensors == tensors + 8 * len(kept)
    assert more_objects - objects >= MANY
