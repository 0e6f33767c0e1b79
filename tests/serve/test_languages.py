"""The names of languages in the APIs that people come from."""

import pytest

from vivace.errors import UnsupportedLanguageError
from vivace.serve.schemas import language_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("all_zh", "zh"),
        ("中文", "zh"),
        ("EN", "en"),
        ("all_yue", "yue"),
        ("粤英混合", "yue"),
        ("auto_yue", "auto_yue"),
        ("多语种混合(粤语)", "auto_yue"),
        (" All_JA ", "ja"),
        ("日英混合", "ja"),
        ("多语种混合", "auto"),
        ("", None),
        (None, None),
    ],
)
def test_the_names_of_gpt_sovits_are_known(written: str | None, meant: str | None) -> None:
    assert language_of(written) == meant


@pytest.mark.parametrize("written", ["ko", "all_ko", "韩文", "韩英混合", "klingon"])
def test_what_is_not_spoken_is_an_error_that_lists_what_is(written: str) -> None:
    with pytest.raises(UnsupportedLanguageError, match="is not spoken; choose zh, en, auto, yue, auto_yue, ja"):
        language_of(written)
