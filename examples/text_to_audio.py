"""Text to a sound file, as simply as possible.

python examples/text_to_audio.py "Hello, 世界." hello.wav
"""

import sys

from vivace import TTS


def main(text: str, path: str) -> None:
    with TTS() as tts:
        speech = tts.synthesize(text)
    speech.save(path)
    print(f"{path}: {speech.duration:.2f} s of audio in {speech.stats.elapsed_s:.2f} s, RTF {speech.stats.rtf:.2f}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["Hello, 世界.", "text_to_audio.wav"]))
