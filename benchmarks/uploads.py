"""Recordings to upload: a valid short one, and malformed ones."""

import http.client
import io
import json
import random
import secrets
import wave

import numpy as np

RATE = 24_000
PATIENCE_S = 120.0


def recording(seed: int, *, seconds: float = 2.0, rate: int = RATE, channels: int = 1) -> bytes:
    """A WAV file of something that hums, another one for another seed."""
    draw = random.Random(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch, beat = draw.uniform(90, 250), draw.uniform(2, 5)
    hum = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8)) * (1 + np.sin(2 * np.pi * beat * time))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.repeat((4000 * hum).astype("<i2")[:, None], channels, 1).tobytes())
    return file.getvalue()


def post_recording(port: int, name: str, content: bytes, file: str = "recording.wav") -> tuple[int, bytes]:
    """Status and body of ``POST /v1/audio/voices``. Raises: OSError when there is no answer."""
    mark = secrets.token_hex(16)
    fields = {"name": name, "transcript": "This is what it says.", "consent": "made for a test"}
    head = "".join(f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    head += f'--{mark}\r\nContent-Disposition: form-data; name="audio_sample"; filename="{file}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        headers = {"content-type": f"multipart/form-data; boundary={mark}"}
        connection.request("POST", "/v1/audio/voices", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def upload(port: int, name: str, seed: int) -> str | None:
    """The id of a voice that was learned; None when it was not."""
    try:
        status, body = post_recording(port, name, recording(seed))
    except (OSError, http.client.HTTPException):
        return None
    return str(json.loads(body)["id"]) if status == 201 else None


def silent_opus(megabytes: float) -> tuple[bytes, float]:
    """An Ogg file of silence of about this size, and the hours it decodes to: one packet, again and again."""
    import av
    from av.audio.stream import AudioStream

    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        track = container.add_stream("libopus", rate=48_000, options={"frame_duration": "60", "vbr": "on"})
        assert isinstance(track, AudioStream)
        track.layout = "mono"
        track.bit_rate = 6000
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="flt", layout="mono")
        frame.sample_rate = 48_000
        packet = list(track.encode(frame))[-1]
        content, step, time = bytes(packet), packet.duration or 2880, 0
        while file.tell() < megabytes * 1e6:
            again = av.Packet(content)
            again.stream, again.time_base = track, packet.time_base
            again.pts = again.dts = time
            again.duration = step
            container.mux(again)
            time += step
    return file.getvalue(), time * float(packet.time_base or 1 / 48_000) / 3600
