"""Which recordings a server learns voices from."""

import io

from vivace.audio.decode import layout
from vivace.errors import AudioDecodeError

MAX_CHANNELS, MAX_RATE = 2, 96_000  # Hz; more is no recording of one person, and unpacks to many times its worth


def require_plain(recording: bytes) -> bytes:
    """``recording`` as it is. Raises: AudioDecodeError when its header is no recording's, or no person's."""
    channels, rate = layout(io.BytesIO(recording), "the recording")
    if channels > MAX_CHANNELS or rate > MAX_RATE:
        raise AudioDecodeError(
            f"the recording has {channels} channels at {rate} Hz; give mono or stereo, at most {MAX_RATE} Hz"
        )
    return recording
