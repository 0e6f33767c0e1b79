"""The third level: caches, many texts side by side, audio while it is being made.

python examples/text_to_audio_advanced.py "Hello, 世界." "A second text." ...

Writes one file per text into the folder ``text_to_audio_advanced``.
"""

import sys
import time
from pathlib import Path

from vivace import TTS, TTSConfig
from vivace.audio.encode import StreamEncoder

CONFIG = TTSConfig(cache={"results": "memory", "memory_mb": 64}, engine={"slots": 16})
FOLDER = Path("text_to_audio_advanced")


def main(texts: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with TTS(config=CONFIG) as tts:
        tts.warm_up()

        started = time.perf_counter()
        for number, speech in enumerate(tts.synthesize_batch(texts, seed=7)):  # they share every step of the model
            speech.save(FOLDER / f"{number}.mp3")
        print(f"{len(texts)} texts side by side: {time.perf_counter() - started:.2f} s")

        started = time.perf_counter()
        again = tts.synthesize(texts[0], seed=7)  # the same text, voice and seed: kept, not made again
        print(f"the first once more: {(time.perf_counter() - started) * 1000:.1f} ms, cached: {again.stats.cached}")

        started = time.perf_counter()
        encoder = StreamEncoder("opus", tts.sample_rate)
        with (FOLDER / "stream.opus").open("wb") as file:
            for number, chunk in enumerate(tts.stream(" ".join(texts))):
                if number == 0:
                    print(f"first audio of all of them as one stream: {(time.perf_counter() - started) * 1000:.0f} ms")
                file.write(encoder.push(chunk.samples))
            file.write(encoder.finish())

        stats = tts.get_performance_stats()
    print(f"{stats.requests} requests, RTF {stats.rtf:.2f}, p95 {stats.inference.p95:.2f} s")
    print(f"cache hit rate {stats.results.hit_rate:.0%}, {stats.memory_bytes / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main(sys.argv[1:] or ["Good morning.", "今天天气很好。", "The train leaves at half past seven."])
