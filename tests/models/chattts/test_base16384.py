from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivace.errors import InputError
from vivace.models.chattts.speaker import decode_base16384, encode_base16384

EXAMPLES = [
    (b"", ""),
    (b"\x00", "一㴁"),
    (b"hello!!", "栙擆羼漡"),
    (b"hello", "栙擆羼㴅"),
    (bytes(range(10)), "\u4e00\u5e20\u5a10\u5306\u4fc2\u4e90\u3d03"),
]


@pytest.mark.parametrize(("raw", "text"), EXAMPLES)
def test_known_strings(raw: bytes, text: str) -> None:
    assert encode_base16384(raw) == text
    assert decode_base16384(text) == raw


@given(st.binary(max_size=200))
def test_round_trip(raw: bytes) -> None:
    assert decode_base16384(encode_base16384(raw)) == raw


@given(st.text(max_size=30))
def test_any_text_decodes_or_is_refused(text: str) -> None:
    with suppress(InputError):
        decode_base16384(text)


@pytest.mark.parametrize("text", ["hello", "栙擆羼", "栙擆羼漡x", "㴁", "一㴙"])
def test_what_is_not_base16384_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        decode_base16384(text)
