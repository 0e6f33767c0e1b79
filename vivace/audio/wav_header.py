"""The header of a 16-bit mono WAV file."""

import struct

UNKNOWN_SIZE = 0xFFFFFFFF  # of a stream whose end is not known yet; players then read until it ends
BYTES_PER_SAMPLE = 2
PCM = 1  # format tag


def wav_header(sample_rate: int, num_samples: int | None = None) -> bytes:
    """44 bytes that stand before the samples; ``None`` samples: a stream of unknown length."""
    data_size = UNKNOWN_SIZE if num_samples is None else num_samples * BYTES_PER_SAMPLE
    riff_size = UNKNOWN_SIZE if num_samples is None else data_size + 36
    format_chunk = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, PCM, 1, sample_rate, sample_rate * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16
    )
    return struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE") + format_chunk + struct.pack("<4sI", b"data", data_size)
