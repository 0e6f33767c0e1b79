import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

from vivace.models.chattts.prompt import Tokenizer
from vivace.models.chattts.text import word_tokens
from vivace.text import phones
from vivace.train.corpus.build import (
    EMBEDDED_PLAN,
    CorpusPlan,
    Share,
    draw_lines,
    english,
    mandarin,
    mixed,
    near_copies,
)
from vivace.train.corpus.dataset import STRUCTURE, TAGS, phone_tokens, vocabulary, write_tokenizer


def test_ids_follow_the_vocabulary(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer.json")
    tokenizer = Tokenizer(tmp_path / "tokenizer.json")
    assert len(tokenizer) == len(vocabulary()) == len(set(vocabulary()))
    assert [tokenizer.id(token) for token in vocabulary()] == list(range(len(vocabulary())))
    assert tokenizer.ids("[Stts][spk_emb]HH AH0 i_n f_v3 , [Ptts]") == [
        vocabulary().index(t) for t in ("[Stts]", "[spk_emb]", "HH", "AH0", "i_n", "f_v3", ",", "[Ptts]")
    ]
    assert set(vocabulary()[-len(TAGS) :]) == set(TAGS)
    assert set(STRUCTURE) < set(vocabulary())


def test_the_inventory_has_every_phone_that_texts_become() -> None:
    known = set(phone_tokens())
    rng = random.Random(3)
    texts = [book.draw(rng) for book in (english(), mandarin(), mixed()) for _ in range(40)]
    texts += ["女儿绿色略过虐待雪月云圆", "嗯，哟，啊！", "zero one; two: three?"]
    for text in texts:
        for word in phones(text):
            assert set(word_tokens(word)) <= known, (text, word)


def test_blanks_are_filled() -> None:
    rng = random.Random(0)
    for book in (english(), mandarin(), mixed()):
        for _ in range(200):
            text = book.draw(rng)
            assert "{" not in text
            assert "|" not in text
            assert text[0] == text[0].upper()


def test_short_sentences_are_short() -> None:
    rng = random.Random(0)
    assert all(len(english().draw(rng, short=True).split()) <= 5 for _ in range(100))


def test_near_copies_are_found() -> None:
    forbidden = ["The first snow of the winter fell on the city late last night.", "春天来了，山上的桃花都开了。"]
    assert near_copies("The first snow of the winter fell on the town.", forbidden)
    assert near_copies("他说春天来了，山上的桃花很好看。", forbidden)
    assert not near_copies("The first day of the winter was cold.", forbidden)


def test_lines_keep_their_promises() -> None:
    plan = CorpusPlan((Share("a", "en", 0.5), Share("b", "zh", 0.3), Share("c", "mixed", 0.2)), held_out=3)
    forbidden = ["Where is the big house?"]
    lines = draw_lines(plan, 60, seed=4, written=["He who laughs last, laughs best."], forbidden=forbidden)
    assert draw_lines(plan, 60, seed=4, written=["He who laughs last, laughs best."], forbidden=forbidden) == lines
    assert sum(line.kind == "zh" for line in lines) == 18
    assert len({(line.speaker, line.text) for line in lines}) == len(lines)
    held = {line.text for line in lines if line.part != "train"}
    assert len(held) == 9
    assert not held & {line.text for line in lines if line.part == "train"}


def test_the_embedded_plan_is_whole() -> None:
    assert abs(sum(share.fraction for share in EMBEDDED_PLAN.shares) - 1) < 1e-9


def test_a_part_of_a_plan_is_whole_and_keeps_its_proportions() -> None:
    part = EMBEDDED_PLAN.only(["zh", "mixed"])
    assert {share.kind for share in part.shares} == {"zh", "mixed"}
    assert abs(sum(share.fraction for share in part.shares) - 1) < 1e-9
    shares = {(share.speaker, share.kind): share.fraction for share in part.shares}
    assert abs(shares["esm", "zh"] / shares["esm", "mixed"] - 0.165 / 0.035) < 1e-9
    assert replace(part, shares=()) == replace(EMBEDDED_PLAN, shares=())


def test_syllables_of_few_words_are_said_too() -> None:
    rng, book = random.Random(3), mandarin()
    said = Counter[str]()
    for _ in range(600):
        said.update({token for word in phones(book.draw(rng), "zh") for token in word_tokens(word)})
    seldom = ("f_er5", "f_ing5", "f_ao5", "f_u5", "f_iong1", "f_iong2", "f_iong3", "f_ve4", "f_ue3", "f_v3", "f_uai3")
    assert min(said[token] for token in seldom) >= 4, said
