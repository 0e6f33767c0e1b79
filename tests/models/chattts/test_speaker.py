import hashlib

import numpy as np
import pytest
import torch

from vivace.errors import InputError
from vivace.models.chattts.speaker import (
    MAX_UNPACKED,
    decode_audio_prompt,
    decode_speaker,
    encode_audio_prompt,
    encode_speaker,
    published_statistics,
    random_speaker,
    speaker_embedding,
)

# Section 25 of the ChatTTS facts: sha256 of the 1536 bytes of the reference's random speakers.
PUBLISHED = {
    2: "10117605c4e17d4e95365fe7e1db1e189947e75b25e8b9917e2058d7273b5df8",
    42: "47f00cfcfc0cbac99c77ffec43aedd7b4b18f77c3784c506df8928d154422ce5",
    1111: "b4bf13262fbe2c17c574fdd7fd505e7854fe4bb8baf5ae0b2f3938ae31ee1dad",
}


@pytest.mark.parametrize(("seed", "digest"), PUBLISHED.items())
def test_random_speakers_are_the_published_ones(seed: int, digest: str) -> None:
    vector = random_speaker(published_statistics(), seed)
    assert hashlib.sha256(vector.astype("<f2").tobytes()).hexdigest() == digest


def test_speaker_strings_start_as_people_expect_and_round_trip() -> None:
    vector = random_speaker(published_statistics(), 7)
    text = encode_speaker(vector)
    assert text.startswith("蘁淰")
    assert np.array_equal(decode_speaker(f" {text}\n"), vector)


def test_audio_prompts_round_trip() -> None:
    codes = np.random.default_rng(0).integers(0, 625, (4, 77))
    assert np.array_equal(decode_audio_prompt(encode_audio_prompt(codes)), codes)


def test_damaged_strings_are_refused_in_one_line() -> None:
    whole = encode_speaker(random_speaker(published_statistics(), 7))
    prompt = encode_audio_prompt(np.ones((4, 9), np.int32))
    for decode, text in (
        (decode_speaker, "一" * 40),
        (decode_speaker, ""),
        (decode_audio_prompt, whole),
        (decode_audio_prompt, "一㴁"),
        (decode_audio_prompt, prompt[:-4]),
    ):
        with pytest.raises(InputError) as caught:
            decode(text)
        assert "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(InputError, match="not a voice"):
        decode_speaker(encode_speaker(np.zeros(MAX_UNPACKED, np.float16)))


def test_not_finite_is_not_a_speaker() -> None:
    with pytest.raises(InputError, match="not finite"):
        decode_speaker(encode_speaker(np.full(768, np.nan, np.float16)))


def test_the_row_has_unit_length_in_its_own_precision() -> None:
    vector = random_speaker(published_statistics(), 3)
    row = speaker_embedding(vector)
    assert row.dtype == torch.float32
    assert float(row.norm()) == pytest.approx(1, abs=1e-3)
    wide = speaker_embedding(vector.astype(np.float32))
    assert 0 < float((row - wide).abs().max()) < 2e-4
