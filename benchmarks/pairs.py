"""Two pairs of GPT-SoVITS models in one process: sixteen voices at once, over a thousand requests.

usage: python benchmarks/pairs.py [--requests 1000] [--switches 100]

The pairs are the small recorded checkpoints of tests/goldens/gpt_sovits, the voices are drawn. Every answer is held
against what the same request says alone in a process of its own: the same seed, the same samples to 1e-4, so that no
audio of one voice is in another and no piece is lost. First both pairs stay loaded, then memory is for one of them and
they take turns. The resident set at rest after the first 200 requests is held against that at the end. The last line is
JSON.
"""

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from vivace.models.gpt_sovits.checkpoint.convert import convert_gpt_sovits
from vivace.models.gpt_sovits.checkpoint.legacy_files import Sources
from vivace.pipeline.checkpoints import weight_bytes
from vivace.pipeline.model_names import NamedModels, working_bytes
from vivace.pipeline.model_pool import ModelPool, Source
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.tts import TTS
from vivace.serve.backend import TTSBackend
from vivace.settings import TTSConfig
from vivace.voices.voice import Voice

GOLDENS = Path(__file__).parents[1] / "tests" / "goldens" / "gpt_sovits"
TEXTS = ("你好。", "Yes.", "好。\n\nNo.")
VOICES = 16
FIRST, EVERY = 200, 200
CODES = 16  # of a piece: random weights never end by themselves
REST_S = 2.0

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """One request."""

    text: str
    options: SpeakOptions


def write_pairs(root: Path) -> dict[str, str]:
    """Two checkpoints; the second one has another timbre and says other codes."""
    for name in ("anna", "ben"):
        convert_gpt_sovits(Sources(GOLDENS / "s1" / "s1.ckpt", GOLDENS / "s2_v2" / "s2_v2.pth"), root / name)
    for file, prefix in (("s1.safetensors", "ar_text_embedding"), ("s2.safetensors", "dec.")):
        tensors = load_file(root / "ben" / file)
        save_file({k: t * 1.2 if k.startswith(prefix) else t for k, t in tensors.items()}, root / "ben" / file)
    return {name: str(root / name) for name in ("anna", "ben")}


def requests(style: int) -> list[Asked]:
    """Sixteen voices, neighbors with different models."""
    drawn = np.random.default_rng(0)
    made = []
    for number in range(VOICES):
        embedding = drawn.standard_normal(style).astype(np.float32)
        voice = Voice(f"v{number}", embedding, drawn.integers(0, 1024, (1, 60)).astype(np.int32), "今天天气不错。")
        model = ("anna", "ben")[number % 2]
        made.append(Asked(TEXTS[number % len(TEXTS)], SpeakOptions(voice=voice, model=model, seed=number)))
    return made


def open_pool(config: TTSConfig, limit: int | None) -> tuple[NamedModels, ModelPool, list[str]]:
    """The configuration's models, their pieces cut short, and a list that grows with every load."""
    named, loads = NamedModels(config), list[str]()

    def short(name: str) -> Source:
        source = named[name]

        def opened() -> TTS:
            tts = source.open()
            tts.family.sampling = replace(tts.family.sampling, max_new_tokens=CODES)
            loads.append(name)
            return tts

        return Source(opened, source.estimate)

    return named, ModelPool({name: short(name) for name in named}, limit=limit, working=working_bytes), loads


async def ask(speaker: TTSBackend, asked: Sequence[Asked], alone: Sequence[Samples], first: int, until: int) -> None:
    """Requests ``first`` to ``until``, sixteen at once, every third streamed. Raises: AssertionError."""
    left = iter(range(first, until))

    async def user() -> None:
        for index in left:
            one, expected = asked[index % VOICES], alone[index % VOICES]
            if index % 3:
                heard = (await speaker.synthesize(one.text, **one.options)).samples
            else:
                heard = np.concatenate([c.samples async for c in speaker.stream(one.text, **one.options)])
            assert heard.shape == expected.shape, f"request {index} lost or won samples"
            assert np.allclose(heard, expected, atol=1e-4), f"request {index} does not sound like itself"

    async with asyncio.TaskGroup() as group:
        for _ in range(VOICES):
            group.create_task(user())


def settled_mb() -> float:
    """Resident megabytes at rest."""
    gc.collect()
    time.sleep(REST_S)
    status = Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def run(
    config: TTSConfig, limit: int | None, asked: Sequence[Asked], alone: Sequence[Samples], total: int
) -> dict[str, float]:
    """``total`` requests, and what they cost."""
    named, pool, loads = open_pool(config, limit)
    speaker = TTSBackend(named, pool)
    early, done, spent = 0.0, 0, 0.0
    with pool:
        while done < total:
            until = min(total, done + EVERY)
            started = time.perf_counter()
            asyncio.run(ask(speaker, asked, alone, done, until))
            spent, done = spent + time.perf_counter() - started, until
            late = settled_mb()
            early = early or late
            print(f"{done:6} requests: {late:7.1f} MB, {done / spent:5.1f}/s, {len(loads)} loads", flush=True)
    return {"requests": total, "first_mb": early, "last_mb": late, "growth": late / early - 1, "loads": len(loads)}


def main() -> None:
    """Both measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--switches", type=int, default=400, help="requests while there is room for one pair only")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vivace-pairs-") as folder:
        check, engine = {"retries": 0}, {"rows": VOICES, "positions": 256, "long_rows": 0}
        config = TTSConfig(models=write_pairs(Path(folder)), check=check, engine=engine, threads=1)
        named, pool, _ = open_pool(config, None)
        with pool:
            with pool.use(named.default) as tts:
                asked = requests(tts.family.style_width)  # type: ignore[attr-defined]
            alone = []
            for one in asked:
                with pool.use(str(one.options["model"])) as tts:
                    alone.append(tts.synthesize(one.text, **one.options).samples)
        print("room for both pairs")
        both = run(config, None, asked, alone, args.requests)
        print("room for one pair")
        limit = int(1.9 * weight_bytes(Path(config.models["anna"])))
        one_pair = run(config, limit, asked, alone, args.switches)
    print(json.dumps({"both": both, "one": one_pair}))


if __name__ == "__main__":
    main()
