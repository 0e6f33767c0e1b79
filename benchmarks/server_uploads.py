"""Malformed recordings, sent to a real server: each is refused with an error envelope, and memory does not grow.

python -m benchmarks.server_uploads MODEL [CUTS]      # MODEL: a checkpoint that learns voices
"""

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.server_process import ServerProcess
from benchmarks.uploads import RATE, post_recording, recording, silent_opus
from vivace.audio.encode import encode
from vivace.audio.files import read_audio
from vivace.audio.spec import AudioFormat

MODEL = sys.argv[1]
CUTS = int(sys.argv[2]) if len(sys.argv) > 2 else 200  # files that are cut off or have flipped bytes
BOMB_MB = 25
ROOM_MB = 100  # that a server may grow by: one upload, one decoded recording
FORMATS: tuple[AudioFormat, ...] = ("wav", "mp3", "opus", "aac", "flac")


def cases() -> Iterator[tuple[str, bytes]]:
    yield "0 bytes", b""
    yield "text", b"This is no recording. " * 1000
    yield "a page of HTML", b"<html><audio src='file:///etc/passwd'></html>"
    yield "a playlist", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    yield "a zip file", b"PK\x03\x04" + random.Random(0).randbytes(100_000)
    yield "random bytes", random.Random(1).randbytes(2_000_000)
    yield "silence", encode(np.zeros(3 * RATE, np.float32), RATE, "flac")
    yield "a tenth of a second", recording(1, seconds=0.1)
    yield "an hour of speech", recording(1, seconds=600, rate=8000)
    yield "192 kHz, 60 s", recording(1, seconds=60, rate=192_000)
    yield "8 channels, 60 s", recording(1, seconds=60, rate=24_000, channels=8)
    yield "9 channels", recording(1, channels=9, rate=16_000)
    yield "192 kHz", recording(1, rate=192_000)
    yield "8 channels", recording(1, channels=8)


def damaged(count: int) -> Iterator[tuple[str, bytes]]:
    """Real files, cut off anywhere, with bytes changed, and called something else."""
    draw = random.Random(2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hum.wav"
        path.write_bytes(recording(3))
        samples = read_audio(path, RATE)
    files = [encode(samples, RATE, format) for format in FORMATS]
    for number in range(count):
        content = bytearray(files[number % len(files)])
        if number % 2:
            content = content[: draw.randrange(len(content))]
        for _ in range(draw.randrange(40)):
            content[draw.randrange(len(content))] = draw.randrange(256) if content else 0
        yield "damaged", bytes(content)


def main() -> None:
    outcomes, wrong = Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        settings = {"VIVACE_PATHS__VOICES_DIR": f"{name}/voices", "VIVACE_PATHS__CACHE_DIR": f"{name}/cache"}
        settings["VIVACE_SERVER__MAX_UPLOAD_MB"] = str(BOMB_MB + 5)
        with ServerProcess(settings, "--model", MODEL, log=Path(name) / "server.log") as server:
            server.start()

            def send(what: str, content: bytes) -> None:
                status, body = post_recording(server.port, f"voice {outcomes.total()}", content, "recording.mp3")
                told = json.loads(body)
                outcomes[f"{what}: {status}"] += 1
                if status != 201 and not (
                    400 <= status < 500 and set(told["error"]) == {"message", "type", "param", "code"}
                ):
                    wrong.append((what, status, body[:200]))
                if what != "damaged":
                    reason = told.get("error", told).get("message", told.get("id"))
                    print(f"{what:>22}, {len(content) / 1e6:5.1f} MB: {status} {reason}")

            send("a good one", recording(3))
            before = server.figures()
            for what, content in (*cases(), *damaged(CUTS)):
                send(what, content)
            middle = server.figures()
            bomb, hours = silent_opus(BOMB_MB)
            for _ in range(3):
                send(f"{hours:.0f} hours of silence", bomb)
            after = server.figures()
            errors = server.log.read_text().count('"level": "error"')
    print(dict(outcomes))
    for what, figures in (("before", before), ("after the others", middle), ("after the silence", after)):
        print(f"{what:>18}: {figures.rss_mb:.0f} MB, peak {figures.peak_mb:.0f} MB, {figures.files} files")
    bounded = after.peak_mb - before.peak_mb < ROOM_MB
    print(
        f"{len(wrong)} wrong answers {wrong[:3]}, {errors} errors in the log, {'bounded' if bounded else 'NOT bounded'}"
    )
    sys.exit(bool(wrong or errors or not bounded))


if __name__ == "__main__":
    main()
