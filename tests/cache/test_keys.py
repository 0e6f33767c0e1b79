"""Content keys."""

from pathlib import Path

import pytest

from vivace.cache.keys import content_key, files_key


def test_equal_parts_give_equal_keys_whatever_their_type_of_list() -> None:
    assert content_key("speech/1", ("a", 1), 0.3) == content_key("speech/1", ["a", 1], 0.3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), ("ab",)),
        ((1,), (1.5,)),
        ((None,), ("null",)),
        (({"a": 1},), ({"a": 2},)),
        (("\ud800",), ("\ud801",)),  # half characters are text, too
    ],
)
def test_other_parts_give_other_keys(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert content_key("speech/1", *one) != content_key("speech/1", *other)


def test_a_new_way_of_making_is_another_key() -> None:
    assert content_key("speech/1", 1) != content_key("speech/2", 1)


def test_files_by_name_and_content_wherever_they_are(tmp_path: Path) -> None:
    keys = []
    for folder, name, content in (("a", "x", b"1"), ("b", "x", b"1"), ("c", "y", b"1"), ("d", "x", b"2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(content)
        keys.append(files_key([tmp_path / folder / name], tmp_path / folder))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
