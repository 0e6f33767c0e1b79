"""A user's own readings, from a file or a mapping."""

from pathlib import Path

import pytest

from vivace.errors import InputError
from vivace.text import Lexicon, normalize, phones, split

FILE = """\ufeff# word<TAB>reading
银行\tyin2 hang4
Vivace\tV IH0 V AA1 CH EY0

nginx\tengine x
US\tY UW1 EH1 S
C++\tsee plus plus
😀\tsmile
"""


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    path = tmp_path / "readings.tsv"
    path.write_text(FILE, encoding="utf-8", newline="\r\n")
    return Lexicon.load(path)


def said(text: str, lexicon: Lexicon | dict[str, str]) -> str:
    return " ".join(p for w in phones(text, lexicon=lexicon) for p in w.phones)


def test_a_file_of_readings(lexicon: Lexicon) -> None:
    assert said("去银行", lexicon) == "qu4 yin2 hang4"
    assert said("Vivace", lexicon) == "V IH0 V AA1 CH EY0"
    assert normalize("Use Nginx, C++17 and 😀.", lexicon=lexicon) == "Use engine x, see plus plus seventeen and smile."


def test_small_letters_fit_any_case_and_capitals_only_themselves(lexicon: Lexicon) -> None:
    assert normalize("NGINX nginx", lexicon=lexicon) == "engine x engine x"
    assert said("US", lexicon) == "Y UW1 EH1 S"
    assert said("us", lexicon) == "AH1 S"


def test_whole_words_only_but_for_a_possessive(lexicon: Lexicon) -> None:
    assert normalize("nginxes, nginx2", lexicon=lexicon) == normalize("nginxes, nginx2")
    assert said("Vivace's", lexicon) == "V IH0 V AA1 CH EY0 Z"
    assert normalize("nginx's", lexicon=lexicon) == "engine x's"


def test_the_longest_entry_fits(lexicon: Lexicon) -> None:
    more = lexicon | {"银行卡": "ka3 ka3", "New York": "N UW1 Y AO1 R K"}
    assert said("银行卡，银行", more) == "ka3 ka3 , yin2 hang4"
    assert [w.text for w in phones("to New York now", lexicon=more)] == ["to", "New York", "now"]


def test_entries_of_a_request_win_over_those_of_the_file(lexicon: Lexicon) -> None:
    assert said("银行", lexicon | {"银行": "yin1 hang1"}) == "yin1 hang1"
    assert said("银行", {"银行": "yin1 hang1"}) == "yin1 hang1"


def test_a_word_with_digits_and_signs_can_have_phones() -> None:
    words = phones("3M and C++!", lexicon={"3M": "TH R IY1 EH1 M", "C++": "S IY1"})
    assert [(w.text, w.phones) for w in words[::2]] == [
        ("three million", ("TH", "R", "IY1", "EH1", "M")),
        ("C plus plus", ("S", "IY1")),
    ]
    assert (words[0].start, words[0].end) == (0, 2)


def test_spans_are_those_of_the_written_word(lexicon: Lexicon) -> None:
    written = "It is 5: Nginx, 银行."
    words = phones(written, lexicon=lexicon)
    assert [written[w.start : w.end] for w in words if w.text in ("engine", "x", "银行")] == ["Nginx", "Nginx", "银行"]


def test_a_reading_in_the_text_wins_over_the_lexicon(lexicon: Lexicon) -> None:
    assert said("[Vivace](V AA1) Vivace", lexicon) == "V AA1 V IH0 V AA1 CH EY0"


def test_control_tags_are_not_words(lexicon: Lexicon) -> None:
    assert normalize("ha [laugh] laugh", lexicon={"laugh": "giggle"}) == "ha [laugh] giggle"


def test_pieces_carry_the_readings(lexicon: Lexicon) -> None:
    (piece,) = split("去银行", lexicon=lexicon)
    assert piece.text == "去银行"
    assert piece.phones == ("qu4", "yin2", "hang4")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\nword reading", r"'.*l\.tsv', line 2: no tab; write"),
        ("word\t", "line 1: no reading"),
        ("\treading", "line 1: no word"),
        ("银行\tyin2 hang9", "line 1: 'hang9' is no pinyin syllable"),
        ("a\tb\n# c\na\td", "line 3: 'a' is on line 1 already"),
        ("[a]\tb", "line 1: a word with a square bracket"),
        ("a" * 65 + "\tb", "line 1: the word has 65 characters"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "l.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        Lexicon.load(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the lexicon .*No such file"):
        Lexicon.load(tmp_path / "none.tsv")
    with pytest.raises(InputError, match="cannot read the lexicon"):
        Lexicon.load(tmp_path)
    (tmp_path / "gbk.tsv").write_bytes("银行\tyin2 hang2".encode("gbk"))
    with pytest.raises(InputError, match="not UTF-8"):
        Lexicon.load(tmp_path / "gbk.tsv")


@pytest.mark.parametrize("entries", [{"a": "yin9"}, {"": "a"}, {"a": 3}])
def test_a_bad_entry_of_a_mapping_is_named(entries: dict[str, str]) -> None:
    with pytest.raises(InputError, match="the lexicon entry"):
        phones("a", lexicon=entries)


def test_a_large_lexicon_costs_little() -> None:
    large = Lexicon.of({f"word{i}": "word" for i in range(20_000)})
    found = list(large.find("word19999 and word7, " * 200))
    assert len(found) == 400
