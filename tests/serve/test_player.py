"""``curl -N`` into a player's file: the part that has come is a file that plays, in every streamed format."""

import io
import json
import subprocess
from typing import get_args

import pytest
from fakes.server import Running
from fakes.speaker import WORD_S, FakeSpeaker

from vivace.audio.decode import decode
from vivace.audio.spec import AudioFormat

WORDS = 24
# Without pcm, which plays from any even byte on, and flac, which is sent as a whole: its header needs the length.
FORMATS = [format for format in get_args(AudioFormat) if format not in ("pcm", "flac")]


def seconds_of(file: bytes) -> float:
    samples, rate = decode(io.BytesIO(file), "what has come so far", max_seconds=60)
    return len(samples) / rate


@pytest.mark.parametrize("format", FORMATS)
def test_what_curl_has_written_so_far_plays(server: Running, speaker: FakeSpeaker, format: AudioFormat) -> None:
    speaker.delay_s = 0.05
    asked = {"model": "tts-1", "voice": "anna", "input": "word " * WORDS, "response_format": format}
    command = ["curl", "-sN", f"{server.url}/v1/audio/speech", "-H", "content-type: application/json"]
    with subprocess.Popen([*command, "-d", json.dumps(asked)], stdout=subprocess.PIPE) as curl:
        assert curl.stdout is not None
        file, heard = b"", [0.0]
        while part := curl.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            file += part
            if speaker.made >= 8 * len(heard) and speaker.made < WORDS:  # two looks while it is still spoken
                heard.append(seconds_of(file))
    assert curl.returncode == 0
    assert len(heard) >= 3
    assert heard == sorted(heard)
    assert 0.2 < heard[1] < heard[-1] < WORDS * WORD_S
    assert seconds_of(file) == pytest.approx(WORDS * WORD_S, abs=0.1)
