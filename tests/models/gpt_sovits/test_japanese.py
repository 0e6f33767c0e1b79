"""Japanese in the phones of GPT-SoVITS: section 7 of the GPT-SoVITS front-end facts."""

from vivace.models.gpt_sovits.phones import known, phone_runs, run_ids
from vivace.text import phones

# Kana of every row, with voicing, contraction, doubling, and the syllables of foreign words.
EVERY_KANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをんがぎぐげござじずぜぞだぢづでど"
    "ばびぶべぼぱぴぷぺぽ、きゃきゅきょしゃしゅしょちゃちゅちょにゃにゅにょひゃひゅひょみゃみゅみょりゃりゅりょぎゃぎゅぎょじゃじゅじょ"
    "びゃびゅびょぴゃぴゅぴょ、がっこう、ヴァイオリン、ティー、ディスク、デュエット、ファン、フィン、フェア、フォン、ウィン、ウェブ、"
    "シェフ、ジェット、チェス、ツァー"
)


def test_a_sentence_is_one_run_without_text_features() -> None:
    runs = phone_runs(phones("橋を渡る。", "ja"))
    assert [" ".join(run.phones) for run in runs] == ["h a [ sh i ] o # w a [ t a r u ."]
    assert (runs[0].language, runs[0].text, runs[0].per_character) == ("ja", "", ())


def test_the_end_of_a_phrase_is_an_unknown_phone_and_pitch_has_none_in_v1() -> None:
    runs = phone_runs(phones("橋を渡る。", "ja"))
    v1, v2 = run_ids(runs, "v1"), run_ids(runs, "v2")
    places = {phone: runs[0].phones.index(phone) for phone in ("[", "]", "#")}
    assert [v2[places[phone]] for phone in ("[", "]", "#")] == [322, 323, 86]
    assert [v1[place] for place in places.values()] == [86, 86, 86]
    assert [a for a, p in zip(v1, runs[0].phones, strict=True) if p not in places] == [
        b for b, p in zip(v2, runs[0].phones, strict=True) if p not in places
    ]


def test_every_kana_has_phones() -> None:
    said = {phone for run in phone_runs(phones(EVERY_KANA, "ja")) for phone in run.phones} - {"[", "]", "#"}
    assert len(said) > 34
    assert {phone for phone in said if not known(phone, "v1")} == set()


def test_marks_belong_to_the_run_and_english_is_one_of_its_own() -> None:
    runs = phone_runs(phones("私はPythonを書く。本当？", "ja"))
    assert [run.language for run in runs] == ["ja", "en", "ja"]
    assert runs[-1].phones[-1] == "?"
