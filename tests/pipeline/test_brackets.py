import pytest

from vivace.errors import InputError
from vivace.pipeline.brackets import require_closed_tags


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Hello [laugh", r"'\[laugh' at character 7"),
        ("你好[uv_break世界[laugh]。", None),  # "uv_break世界" is no tag
        ("你好[uv_break 世界[laugh]。", r"'\[uv_break' at character 3"),
        ("[speed_5 faster", r"\[speed_5\]"),
    ],
)
def test_a_tag_left_open_is_named(text: str, named: str | None) -> None:
    if named is None:
        require_closed_tags(text)
        return
    with pytest.raises(InputError, match=named):
        require_closed_tags(text)


@pytest.mark.parametrize("text", ["Hello [world", "a[0] = b[1", "[laugh] ok", "[laugh out loud] ok", "[[[[", "]["])
def test_other_brackets_are_text(text: str) -> None:
    require_closed_tags(text)


def test_many_open_brackets_take_no_time() -> None:
    require_closed_tags("[a" * 10_000)
