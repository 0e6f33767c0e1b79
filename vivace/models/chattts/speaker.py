"""Speaker vectors, speaker strings and audio-prompt strings. Source: sections 15 and 16 of the ChatTTS facts."""

# D width of the speaker vector, Q codebooks, T code frames

import lzma
import re
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.errors import InputError
from vivace.voices.voice import Voice, voice_from_vector

FIRST = 0x4E00
MARKER = 0x3D00
BITS = 14
BLOCK_BYTES, BLOCK_CHARS = 7, 4
TAIL_CHARS = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4}  # characters that hold 1 to 6 left-over bytes


def encode_base16384(raw: bytes) -> str:
    """Bytes to base16384 text: 14 bits to a CJK character.

    Seven bytes become four characters from U+4E00 on. When the number of bytes is not a multiple of seven, one marker
    character U+3D00 + remainder ends the text.
    """
    count = -(-len(raw) * 8 // BITS)
    bits = int.from_bytes(raw, "big") << (count * BITS - len(raw) * 8)
    chars = [chr(FIRST + (bits >> (BITS * i) & (1 << BITS) - 1)) for i in reversed(range(count))]
    rest = len(raw) % BLOCK_BYTES
    return "".join(chars) + (chr(MARKER + rest) if rest else "")


def decode_base16384(text: str) -> bytes:
    """base16384 text to bytes.

    Raises: InputError when ``text`` is not base16384.
    """
    rest = 0
    if text and MARKER <= ord(text[-1]) < MARKER + 0x100:
        rest, text = ord(text[-1]) - MARKER, text[:-1]
    blocks, tail = divmod(len(text) - TAIL_CHARS.get(rest, 0), BLOCK_CHARS)
    values = [ord(c) - FIRST for c in text]
    foreign = next((c for c, v in zip(text, values, strict=True) if not 0 <= v < 1 << BITS), None)
    if foreign is not None:
        raise InputError(f"{foreign!r} cannot be in an encoded string; copy the whole string and nothing else")
    if rest >= BLOCK_BYTES or tail or blocks < 0:
        raise InputError(f"an encoded string of {len(values)} characters is cut short; copy the whole string")
    bits = 0
    for value in values:
        bits = bits << BITS | value
    size = blocks * BLOCK_BYTES + rest
    return (bits >> (len(values) * BITS - size * 8)).to_bytes(size, "big")


F16 = NDArray[np.float16]

# base16384 text. Strings for the published model begin with 蘁淰, so that a short, cut one is recognized as well.
SPEAKER_STRING = re.compile(r"蘁淰.*|[\u4e00-\u8dff]{16,}.?")

# Raw LZMA2, no container. Strings from elsewhere may use a dictionary of up to 64 MiB; the decoder needs to know.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 64 << 20}]
MAX_UNPACKED = 4 << 20  # bytes; a speaker is 1.5 kB, an hour of codes 1.4 MB: more is an attack


@dataclass(frozen=True)
class SpeakerStatistics:
    """Spread and center of the speaker vectors a model was trained on, float16 ``[D]`` each."""

    std: F16
    mean: F16

    @classmethod
    def from_string(cls, text: str) -> "SpeakerStatistics":
        """Read 2 * D float16 values, spread first, from base16384 text."""
        return cls.from_values(np.frombuffer(decode_base16384(text.strip()), "<f2"))

    @classmethod
    def from_values(cls, values: F16) -> "SpeakerStatistics":
        """From ``[2 * D]``, spread first."""
        std, mean = np.split(values, 2)
        return cls(std, mean)


def published_statistics() -> SpeakerStatistics:
    """The speaker statistics of ``2Noise/ChatTTS`` (768 values each)."""
    text = (files("vivace.models.chattts") / "data" / "speaker_statistics.txt").read_text(encoding="utf-8")
    return SpeakerStatistics.from_string(text)


def random_speaker(statistics: SpeakerStatistics, seed: int) -> F16:
    """Draw a speaker, float16 ``[D]``; on every device the vector that the reference draws on the CPU for ``seed``.

    A normal draw is rounded to float16, then scaled and shifted, each step rounded again.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(statistics.std), generator=generator).numpy().astype(np.float16)
    drawn: F16 = (noise * statistics.std + statistics.mean).astype(np.float16)
    return drawn


def _unpack(text: str, skip: int = 0) -> tuple[bytes, bytes]:
    raw = decode_base16384(text.strip())
    try:
        unpacked = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=FILTERS).decompress(raw[skip:], MAX_UNPACKED + 1)
    except lzma.LZMAError as exc:
        raise InputError(f"the string {text[:8]!r}… is damaged ({exc}); copy the whole string") from exc
    if len(unpacked) > MAX_UNPACKED:
        raise InputError(f"the string {text[:8]!r}… unpacks to more than {MAX_UNPACKED} bytes; it is not a voice")
    return raw[:skip], unpacked


def encode_speaker(vector: F16) -> str:
    """Speaker vector ``[D]`` to a speaker string."""
    packed = lzma.compress(vector.astype("<f2").tobytes(), lzma.FORMAT_RAW, filters=FILTERS)
    return encode_base16384(packed)


def decode_speaker(text: str) -> F16:
    """Speaker string to its vector, float16 ``[D]``.

    Raises: InputError when the string is damaged or holds no vector of finite numbers.
    """
    _, raw = _unpack(text)
    if not raw or len(raw) % 2:
        raise InputError(f"the string {text[:8]!r}… holds {len(raw)} bytes, not a float16 vector; copy it whole")
    vector = np.frombuffer(raw, "<f2").astype(np.float16)
    if not np.isfinite(vector).all():
        raise InputError(f"the string {text[:8]!r}… holds numbers that are not finite; it is not a speaker")
    return vector


def encode_audio_prompt(codes: NDArray[np.integer]) -> str:
    """Codes ``[Q, T]`` of a recording to a string."""
    shape = np.asarray(codes.shape, "<u2").tobytes()
    return encode_base16384(shape + lzma.compress(codes.astype("<u2").tobytes(), lzma.FORMAT_RAW, filters=FILTERS))


def decode_audio_prompt(text: str) -> NDArray[np.int32]:
    """String to the codes of a recording, int32 ``[Q, T]``.

    Raises: InputError when the string is damaged or its codes do not fit its own shape.
    """
    head, raw = _unpack(text, skip=4)
    shape = tuple(int(n) for n in np.frombuffer(head, "<u2")) if len(head) == 4 else ()
    codes = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2").astype(np.int32)
    if len(shape) != 2 or len(codes) != shape[0] * shape[1]:
        raise InputError(f"the string {text[:8]!r}… says shape {shape} but holds {len(codes)} codes; copy it whole")
    return codes.reshape(shape)


def speaker_embedding(vector: NDArray[np.floating] | Tensor, *, device: torch.device | str = "cpu") -> Tensor:
    """The row that replaces ``[spk_emb]``: ``vector`` ``[D]`` scaled to unit length in its own precision, as float32.

    A float16 vector is normalized in float16 (the reference's numbers; float32 would differ by up to 8e-5).
    """
    v = torch.as_tensor(vector).to(device)
    row: Tensor = (v / v.norm().clamp_min(1e-12)).float()
    return row


def voice_from_string(name: str, text: str, **details: str) -> Voice:
    """A voice from a ChatTTS speaker string. Raises: InputError when it is damaged."""
    return voice_from_vector(name, decode_speaker(text), **details)


def voice_from_audio_prompt(name: str, text: str, transcript: str, **details: str) -> Voice:
    """A voice from an audio-prompt string and its transcript. Raises: InputError when the string is damaged."""
    return Voice(name, prompt_codes=decode_audio_prompt(text), transcript=transcript, **details)  # type: ignore[arg-type]


def voice_string(voice: Voice) -> str:
    """The voice as text: a speaker string or, for a recording, an audio-prompt string."""
    if voice.embedding is not None:
        return encode_speaker(np.asarray(voice.embedding, np.float16))
    assert voice.prompt_codes is not None, "a voice has one or the other"
    return encode_audio_prompt(voice.prompt_codes)
