from vivace.train.edit_distance import aligned, edits


def test_edits_count_the_fewest_changes() -> None:
    assert edits("kitten", "sitting") == 3
    assert edits("", "abc") == edits("abc", "") == 3
    assert edits(["a", "b"], ["a", "b"]) == 0


def test_alignment_names_what_was_left_out_and_put_in() -> None:
    assert aligned("abc", "ac") == [(0, 0), (1, None), (2, 1)]
    assert aligned("ac", "abc") == [(0, 0), (None, 1), (1, 2)]
    assert aligned("ab", "xb") == [(0, 0), (1, 1)]
    for a, b in (("kitten", "sitting"), ("", "ab"), ("ab", "")):
        pairs = aligned(a, b)
        changes = sum(i is None or j is None or a[i] != b[j] for i, j in pairs)
        assert changes == edits(a, b)
