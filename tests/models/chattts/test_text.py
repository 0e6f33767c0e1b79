import pytest

from vivace.models.chattts.text import character_text, syllable_tokens
from vivace.text.zh.homophones import built_in


@pytest.mark.parametrize(
    ("syllable", "tokens"),
    [
        ("zhong1", ("i_zh", "f_ong1")),
        ("nv3", ("i_n", "f_v3")),
        ("er2", ("f_er2",)),
        ("a5", ("f_a5",)),
        ("yuan2", ("i_y", "f_uan2")),
        ("ci4", ("i_c", "f_i4")),
    ],
)
def test_a_syllable_is_initial_and_final(syllable: str, tokens: tuple[str, ...]) -> None:
    assert syllable_tokens(syllable) == tokens


@pytest.mark.parametrize(
    ("text", "zh", "read"),
    [
        ("你好！真的吗？好；好", True, "你好。真的吗。好，好"),
        ("Really? Yes! One; two: three", False, "Really. Yes. One, two, three"),
        ("what is [uv_break]your name?[laugh]", False, "what is [uv_break]your name.[laugh]"),
        ("“好”《书》", True, "好书"),
        ("well... no", False, "well. no"),
    ],
)
def test_marks_become_the_four_that_the_model_knows(text: str, zh: bool, read: str) -> None:
    assert character_text(text, zh=zh) == read


def test_homophones_are_switchable() -> None:
    assert character_text("龘，[laugh]好", zh=True, homophones=built_in()) == "达，[laugh]好"
    assert character_text("龘，[laugh]好", zh=True) == "龘，[laugh]好"
