"""The second level: warmed up, the precision and memory chosen, the state of the model kept in place.

python examples/text_to_audio_optimized.py "Hello, 世界." hello.wav

The keys and values of the model lie in memory that is set aside once ("static cache"); ``engine.slots`` and
``engine.positions`` say how much. ``vivace bench levels`` measures what each setting is worth on your machine.
"""

import sys

from vivace import TTS, TTSConfig

CONFIG = TTSConfig(
    precision="auto",  # of the language model: what is fastest here without being heard
    engine={"slots": 4, "positions": 1024, "graphs": True},
    cuda={"cudnn_benchmark": True, "allow_tf32": True, "memory_fraction": 0.8},  # no effect without CUDA
)


def main(text: str, path: str) -> None:
    with TTS(config=CONFIG) as tts:
        print(f"warm-up: {tts.warm_up():.1f} s")
        speech = tts.synthesize(text)
        stats = tts.get_performance_stats()
    speech.save(path)
    print(f"{path}: {speech.duration:.2f} s of audio in {speech.stats.elapsed_s:.2f} s, RTF {speech.stats.rtf:.2f}")
    print(f"on {stats.device}, {stats.threads} threads, {stats.memory_bytes / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["Hello, 世界.", "text_to_audio_optimized.wav"]))
