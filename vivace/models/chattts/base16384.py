"""base16384: 14 bits to a CJK character. Source: section 16 of the ChatTTS facts.

Seven bytes become four characters from U+4E00 on. When the number of bytes is not a multiple of seven, one marker
character U+3D00 + remainder ends the text.
"""

from vivace.errors import InputError

FIRST = 0x4E00
MARKER = 0x3D00
BITS = 14
BLOCK_BYTES, BLOCK_CHARS = 7, 4
TAIL_CHARS = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4}  # characters that hold 1 to 6 left-over bytes


def encode(raw: bytes) -> str:
    """Bytes to text."""
    count = -(-len(raw) * 8 // BITS)
    bits = int.from_bytes(raw, "big") << (count * BITS - len(raw) * 8)
    chars = [chr(FIRST + (bits >> (BITS * i) & (1 << BITS) - 1)) for i in reversed(range(count))]
    rest = len(raw) % BLOCK_BYTES
    return "".join(chars) + (chr(MARKER + rest) if rest else "")


def decode(text: str) -> bytes:
    """Text to bytes.

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
