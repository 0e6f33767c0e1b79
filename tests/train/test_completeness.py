"""What counts as a false alarm or a miss of the check of speech."""

import pytest

from vivace.train.judges.completeness import completeness


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ("we saw a house", "whole"),
        ("we saw the house", "whole"),
        ("we saw house", "less"),
        ("we saw a a house", "twice"),
        ("we saw a big house", "whole"),
        ("you so the horse", "unclear"),
    ],
)
def test_a_word_less_and_a_word_twice_are_told_from_one_misheard(heard: str, found: str) -> None:
    assert completeness(["we", "saw", "a", "house"], heard.split()) == found
