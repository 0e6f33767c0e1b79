"""The public names are a written list, so that a new one is a decision."""

import vivace

PUBLIC = [
    "TTS",
    "AudioChunk",
    "Progress",
    "Speech",
    "SpeechStats",
    "TTSConfig",
    "TTSError",
    "Voice",
    "VoiceStore",
    "__version__",
]


def test_all_is_the_written_list() -> None:
    assert sorted(vivace.__all__) == sorted(PUBLIC)


def test_every_public_name_is_there_and_explains_itself() -> None:
    for name in PUBLIC:
        value = getattr(vivace, name)
        assert isinstance(value, str) or value.__doc__


def test_dir_shows_what_is_public() -> None:
    assert set(PUBLIC) <= set(dir(vivace))


def test_a_name_that_is_not_there_fails_as_usual() -> None:
    assert not hasattr(vivace, "speak")
