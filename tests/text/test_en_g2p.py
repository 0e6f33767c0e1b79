"""English words: dictionary, endings, spelling, and the model of unknown words."""

import lzma
import math
import time
from importlib.resources import files

import numpy as np
import pytest

from vivace.text.en.g2p import guessed, spell, word_phones
from vivace.text.en.graphones import END, FIRST_GRAPHONE, START, JointModel, pack
from vivace.text.en.inflection import inflected
from vivace.text.en.lexicon import lexicon, lookup
from vivace.text.en.network import HISTORY, LETTERS, Bidirectional, GraphoneNetwork
from vivace.text.en.network import pack as pack_network
from vivace.text.en.oov import Reader, decode, log_probabilities, model, paths, phones
from vivace.text.tables import mapping


def test_the_dictionary_loads_quickly_and_keeps_variants_in_order() -> None:
    lexicon.cache_clear()
    started = time.process_time()
    assert len(lexicon()) > 120_000
    assert time.process_time() - started < 1.0  # 0.1 s on an idle core
    assert lookup("Read") == ("R", "EH1", "D")
    assert lookup("read", variant=1) == lookup("read", variant=9) == ("R", "IY1", "D")
    assert lookup("blorptastic") is None


def test_the_block_of_lines_is_a_dictionary_of_them() -> None:
    packed = files("vivace.text").joinpath("data/en_lexicon.tsv.xz").read_bytes()
    lines = lzma.decompress(packed).decode().splitlines()
    want = dict(line.split("\t", 1) for line in lines) | mapping("en_extra")
    assert lines == sorted(lines, key=str.encode)
    assert len(lexicon()) == len(want)
    assert dict(lexicon()) == want
    for word in ("", "zzzzzz", "\ud800", "bet\ta", "éclair", "a\n"):
        assert lexicon().get(word) == want.get(word)


@pytest.mark.parametrize(
    ("word", "want"),
    [
        ("googles", "G UW1 G AH0 L Z"),
        ("blogged", "B L AO1 G D"),
        ("vlogging", "V L AA1 G IH0 NG"),
        ("podcasting", "P AA1 D K AE2 S T IH0 NG"),
        ("photobombed", None),
        ("bless", None),
    ],
)
def test_regular_endings_of_dictionary_words(word: str, want: str | None) -> None:
    assert inflected(word) == (None if want is None else tuple(want.split(" ")))


@pytest.mark.parametrize(
    ("word", "want"),
    [
        ("GPT", "JH IY1 P IY1 T IY1"),
        ("PCs", "P IY1 S IY1 Z"),
        ("w", "D AH1 B AH0 L Y UW0"),
        ("SMSs", "EH1 S EH1 M EH1 S IH0 Z"),
    ],
)
def test_spelling(word: str, want: str) -> None:
    assert spell(word) == tuple(want.split(" "))


def test_unknown_words_keep_their_endings() -> None:
    stem = word_phones("Schrodinger")
    assert word_phones("Schrödinger’s") == (*stem, "Z")


def test_the_model_reads_most_common_words_as_the_dictionary_does() -> None:
    words = "station window planet golden table remember silver basket morning hunter paper yellow".split()  # noqa: SIM905
    right = sum(phones(word) == lookup(word) for word in words)
    assert right >= len(words) - 2


@pytest.mark.parametrize("word", ["the", "be", "eye", "we", "schwa", "rhythm", "pssty", "strengths", "xe", "hmmmmmmmy"])
def test_every_word_with_a_vowel_letter_gets_a_vowel(word: str) -> None:
    assert any(phone[-1].isdigit() for phone in phones(word))


def test_the_models_load_and_read_quickly() -> None:
    model.cache_clear()
    started = time.process_time()
    phones("blorptastic")
    assert time.process_time() - started < 2.0  # 0.4 s on an idle core
    words = ["flibbertine", "quargle", "strondificate", "mervish", "xylotropic"]
    started = time.process_time()
    for word in words:
        phones(word)
    assert (time.process_time() - started) / len(words) < 0.1  # 0.01 s


A, B = (chr(FIRST_GRAPHONE + i) for i in range(2))
GRAPHONES = [("a", ("AA1",)), ("a", ("EY1",))]


def two_graphones() -> JointModel:
    """``a`` as AA1 or, likelier at the start, as EY1."""
    probability = {A: 0.5, B: 0.25, END: 0.25, START + B: 0.9, B + END: 0.8}
    weights = {START: 0.2, B: 0.4}
    return JointModel.unpack(pack(GRAPHONES, probability, weights, order=2))


def network(bias: tuple[float, float]) -> GraphoneNetwork:
    """One that knows nothing but how likely each of the two graphones is."""
    d, h, g = 3, 4, 2

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    return GraphoneNetwork(
        letters=zeros(LETTERS, d),
        layers=(Bidirectional(zeros(2, d, 3 * h), zeros(2, h, 3 * h), zeros(2, 3 * h), zeros(2, 3 * h)),),
        seen=zeros(2 * h, h),
        seen_bias=zeros(h),
        graphones=zeros(g + 1, d),
        before=zeros(HISTORY * d, h),
        hidden=zeros(h, h),
        hidden_bias=zeros(h),
        output=zeros(h, g),
        output_bias=np.array(bias, np.float32),
        initial=np.array([0, 0], np.uint8),
        lengths=np.array([1, 1], np.uint8),
    )


def test_a_packed_model_gives_its_probabilities_back() -> None:
    joint = two_graphones()
    assert joint.score(joint.beginning, ord(B)) == pytest.approx(math.log(0.9), abs=0.05)
    assert joint.score(joint.beginning, ord(A)) == pytest.approx(math.log(0.2 * 0.5), abs=0.1)


def test_paths_come_the_best_first_with_their_scores() -> None:
    joint = two_graphones()
    (best, first), (worse, second) = paths(joint, "a", 30)
    assert (first, second) == ((ord(B),), (ord(A),))
    assert best == pytest.approx(math.log(0.9 * 0.8), abs=0.1)
    assert worse == pytest.approx(math.log(0.2 * 0.5 * 0.25), abs=0.2)
    scores = [score for score, _ in paths(joint, "aaaa", 100)]
    assert len(scores) == 16
    assert scores == sorted(scores, reverse=True)
    assert scores == pytest.approx(log_probabilities(joint, [path for _, path in paths(joint, "aaaa", 100)]))
    assert paths(joint, "", 30) == paths(joint, "z", 30) == []


def test_a_word_with_a_vowel_letter_is_read_with_a_vowel_however_unlikely() -> None:
    silent, spoken = (chr(FIRST_GRAPHONE + i) for i in range(2))
    probability = {silent: 0.99999, spoken: 1e-8, END: 0.1}
    joint = JointModel.unpack(pack([("e", ()), ("e", ("IY1",))], probability, {}, order=1))
    assert joint.vowels == {ord(spoken)}
    assert all(ord(spoken) in path for _, path in paths(joint, "eeee", 5))
    joint = JointModel.unpack(pack([("m", ("M",)), ("m", ("EH1", "M"))], probability, {}, order=1))
    assert paths(joint, "m", 1)[0][1] == (ord(silent),)  # no vowel letter


def test_the_models_decide_together() -> None:
    joint = two_graphones()
    assert decode(Reader(joint, joint, network((0.0, 0.0))), "a") == ("EY1",)
    assert decode(Reader(joint, joint, network((20.0, 0.0))), "a") == ("AA1",)
    assert decode(Reader(joint, joint, network((0.0, 0.0))), "z") == ()


def test_the_network_gives_log_probabilities_and_survives_packing() -> None:
    rng = np.random.default_rng(0)
    made = network((0.5, -0.5))
    layer = made.layers[0]
    weights = (made.letters, layer.input, layer.recurrent, made.seen, made.graphones, made.before, made.output)
    for weight in weights:
        weight[:] = rng.normal(size=weight.shape)
    made.hidden[:] = np.eye(4)
    spelled = [(FIRST_GRAPHONE + i, FIRST_GRAPHONE + j) for i in range(2) for j in range(2)]
    scores = made.scores("aa", spelled)
    assert sum(math.exp(s) for s in scores) == pytest.approx(1.0, abs=1e-4)
    assert np.ptp(scores) > 0.5  # it tells them apart
    packed = GraphoneNetwork.unpack(pack_network(made))
    assert packed.scores("aa", spelled) == pytest.approx(scores, abs=0.1)


def test_the_recurrent_layers_are_those_of_torch() -> None:
    import torch

    torch.manual_seed(0)
    gru = torch.nn.GRU(5, 7, bidirectional=True, batch_first=True)
    x = torch.randn(6, 5)

    def both(name: str) -> np.ndarray:
        found = np.stack([getattr(gru, f"{name}_l0{way}").detach().numpy() for way in ("", "_reverse")])
        return found.swapaxes(1, 2) if found.ndim == 3 else found

    layer = Bidirectional(both("weight_ih"), both("weight_hh"), both("bias_ih"), both("bias_hh"))
    want = gru(x[None])[0][0].detach().numpy()
    np.testing.assert_allclose(layer(x.numpy()), want, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("word", "arpabet"),
    [
        ("didn't", "D IH1 D AH0 N T"),
        ("don't", "D OW1 N T"),
        ("won't", "W OW1 N T"),
        ("x", "EH1 K S"),
        ("I", "AY1"),
        ("bbc", "B IY1 B IY1 S IY1"),
        ("s", "EH1 S"),
    ],
)
def test_without_the_dictionary_endings_are_read_by_rule_and_letters_spelled(word: str, arpabet: str) -> None:
    assert " ".join(guessed(word)) == arpabet
