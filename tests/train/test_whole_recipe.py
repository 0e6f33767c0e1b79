"""Corpus to checkpoint at toy size, through every stage, and the checkpoint speaks."""

import os
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vivace.engine.generate import SeededNoise, generate
from vivace.engine.sampler_state import SamplingParams
from vivace.models.chattts.checkpoint.parts import load_chattts
from vivace.models.chattts.gpt import NEVER
from vivace.models.chattts.prompt import SpeakerRow, code_prompt, embed_prompt
from vivace.models.chattts.speaker import speaker_embedding
from vivace.models.chattts.text import word_tokens
from vivace.train.corpus.build import CorpusPlan, Share, build_corpus, draw_lines
from vivace.train.corpus.dataset import HELD_OUT, Corpus, vocabulary
from vivace.train.corpus.recording import SAMPLE_RATE, AlignedRecording, Anchor, Teacher
from vivace.train.corpus.speakers import EMBEDDED_SPEAKERS
from vivace.train.preset import MEL_FLOOR, TOY
from vivace.train.recognizer import RecognizerOptions, load_recognizer, train_recognizer
from vivace.train.run import Budget
from vivace.train.voice.asr_loss import Rollouts
from vivace.train.voice.batching import Collator
from vivace.train.voice.dvae import DVAEOptions, encode_corpus, train_dvae
from vivace.train.voice.export import EmbeddedSpeaker, average_weights, export
from vivace.train.voice.model import VoiceModel
from vivace.train.voice.stage import VoiceOptions, train_voice
from vivace.train.voice.vocos import VocosOptions, train_vocos, write_predicted_mels
from vivace.types import Word
from vivace.voices.store import VoiceStore

PLAN = CorpusPlan((Share("one", "en", 0.5), Share("two", "mixed", 0.5)), held_out=2, frames=(8, 300))
SPEAKERS = (
    EmbeddedSpeaker("two", "dora", ("zh", "en"), "female", "tones"),
    EmbeddedSpeaker("one", "otto", ("en",), "male", "lower tones"),
)

TOKEN_S = 0.06
FORTUNES = Path("/usr/share/games/fortunes")


class ToneTeacher:
    """Speaks a token as ``TOKEN_S`` of a sine whose pitch is a function of its name."""

    def __init__(self, pitch: float = 1.0) -> None:
        self.languages: tuple[str, ...] = ("zh", "en")
        self._pitch = pitch

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> AlignedRecording | None:
        tokens = [token for word in words for token in word_tokens(word)]
        token_s = TOKEN_S / pace
        time = np.arange(int(token_s * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
        tones = [200 + zlib.crc32(token.encode()) % 2000 for token in tokens]
        if not tones:
            return None
        samples = np.concatenate([0.3 * np.sin(2 * np.pi * self._pitch * tone * time) for tone in tones])
        anchors = tuple(Anchor(i * token_s, i) for i in range(len(tokens)))
        return AlignedRecording(samples.astype(np.float32), anchors)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("corpus")
    teachers: dict[str, Teacher] = {"one": ToneTeacher(0.8), "two": ToneTeacher(1.2)}
    lines = draw_lines(PLAN, 16, seed=1, written=["A bird in the hand is worth two in the bush."])
    assert build_corpus(root, lines, teachers, PLAN, processes=1) == len(lines)
    made = Corpus(root)
    options = DVAEOptions(Budget(1e-3, steps=3, warmup=1), rows=2, frames=16)
    dvae = train_dvae(made, TOY, root / "dvae.safetensors", options)
    assert np.isfinite(encode_corpus(made, dvae))
    return Corpus(root)


def test_the_corpus_holds_aligned_arrays(corpus: Corpus) -> None:
    assert {u.speaker for u in corpus.utterances} == {"one", "two"}
    assert len(corpus.part(HELD_OUT)) == 4
    for u in corpus.utterances:
        assert corpus.mel(u).shape == (2 * u.frames, 100)
        assert corpus.codes(u).shape == (u.frames, 4)
        assert corpus.codes(u).max() < 625
        assert len(u.positions) == u.frames
        assert u.positions == tuple(sorted(u.positions))
        assert np.abs(corpus.samples(u)).max() > 0.05


def test_every_stage_leads_to_a_checkpoint_that_speaks(corpus: Corpus, tmp_path: Path) -> None:
    options = VoiceOptions(Budget(1e-3, steps=4, warmup=1), positions=600, decoder_frames=60)
    model = train_voice(corpus, TOY, tmp_path / "voice.safetensors", options)
    vocoder = train_vocos(corpus, TOY, tmp_path / "vocos.safetensors", VocosOptions(Budget(1e-3, steps=2), rows=2))
    export(tmp_path / "out", model, vocoder, SPEAKERS)

    parts = load_chattts(tmp_path / "out")
    voice = VoiceStore(tmp_path / "out" / "voices").get("dora")
    assert voice.embedding is not None
    assert voice.languages == ("zh", "en")
    tokenizer = parts.model.tokenizer
    encoded = tokenizer.encode([code_prompt("i_n f_i2 HH AH0 .", prompt="", speaker=True)], 4)
    assert encoded.input_ids.shape[1] == 8
    assert tokenizer.id("[UNK]") not in encoded.input_ids
    row = SpeakerRow(tokenizer.id("[spk_emb]"), speaker_embedding(voice.embedding))
    prompt = embed_prompt(encoded, parts.model.embeddings, row)
    spoken = generate(parts.model.code_mode, prompt, SamplingParams(max_new_tokens=12), SeededNoise((1,)))[0]
    mel = parts.model.decoder(spoken.hidden.clone().T[None])
    wave = parts.vocoder(mel)
    assert wave.shape[1] == (2 * len(spoken.codes) - 1) * 256
    assert torch.isfinite(wave).all()


def test_what_is_loaded_is_what_was_trained(corpus: Corpus, tmp_path: Path) -> None:
    options = VoiceOptions(Budget(1e-3, steps=2, warmup=1), positions=600, decoder_frames=60)
    model = train_voice(corpus, TOY, tmp_path / "voice.safetensors", options)
    vocoder = train_vocos(corpus, TOY, tmp_path / "vocos.safetensors", VocosOptions(Budget(1e-3, steps=1), rows=2))
    export(tmp_path / "out", model, vocoder, SPEAKERS, dtype=torch.float32, gain=1.5)
    loaded = load_chattts(tmp_path / "out")
    hidden = torch.randn(1, 16, 5)
    torch.testing.assert_close(loaded.model.decoder(hidden), model.decoder(hidden).detach())
    state = torch.randn(1, 16)
    wanted = model.code_logits(state, model.head_weights()).detach()
    wanted[:, 1::2, -1] = NEVER  # second-stage codes do not end it
    torch.testing.assert_close(loaded.model.code_mode.logits(state), wanted, atol=1e-5, rtol=1e-5)
    mel = torch.randn(1, 100, 6)
    torch.testing.assert_close(loaded.vocoder(mel), 1.5 * vocoder(mel).detach(), atol=1e-5, rtol=1e-4)


def test_an_exported_voice_keeps_the_precision_of_its_weights(corpus: Corpus, tmp_path: Path) -> None:
    options = VoiceOptions(Budget(1e-3, steps=1, warmup=1), positions=600, decoder_frames=60)
    model = train_voice(corpus, TOY, tmp_path / "voice.safetensors", options)
    vocoder = train_vocos(corpus, TOY, tmp_path / "vocos.safetensors", VocosOptions(Budget(1e-3, steps=1), rows=2))
    export(tmp_path / "out", model, vocoder, SPEAKERS)
    loaded = load_chattts(tmp_path / "out").model
    for name, value in model.decoder.state_dict().items():
        torch.testing.assert_close(loaded.decoder.state_dict()[name], value, rtol=6e-4, atol=1e-6)
    with torch.no_grad():
        model.llama.norm.weight[0] = 1e6
    with pytest.raises(OverflowError, match=r"norm\.weight does not fit into torch\.float16"):
        export(tmp_path / "again", model, vocoder, SPEAKERS)


def test_predicted_mels_keep_the_time_of_the_recordings(corpus: Corpus, tmp_path: Path) -> None:
    options = VoiceOptions(Budget(1e-3, steps=1, warmup=1), positions=600, decoder_frames=60)
    model = train_voice(corpus, TOY, tmp_path / "voice.safetensors", options)
    count = write_predicted_mels(corpus, model, tmp_path / "predicted", count=5)
    copy = Corpus(tmp_path / "predicted" / "corpus")
    assert count == len(copy.utterances) == 5 + len(corpus.part(HELD_OUT))
    predicted = np.fromfile(tmp_path / "predicted" / "mels" / "shard0" / "mel.f16", np.float16).reshape(-1, 100)
    assert len(predicted) == 2 * sum(u.frames for u in copy.utterances)
    assert predicted.min() >= MEL_FLOOR
    by_text = {(u.speaker, u.text): u for u in corpus.utterances}
    for u in copy.utterances:
        original = by_text[u.speaker, u.text]
        np.testing.assert_allclose(copy.samples(u), corpus.samples(original), atol=1e-4)
        assert copy.mel(u).shape == (2 * u.frames, 100)


def test_an_interrupted_run_goes_on_where_it_stopped(corpus: Corpus, tmp_path: Path) -> None:
    state = tmp_path / "voice.safetensors"
    short = VoiceOptions(Budget(1e-3, steps=2, warmup=1), positions=600, decoder_frames=60)
    first = train_voice(corpus, TOY, state, short)
    again = train_voice(corpus, TOY, state, short)  # nothing is left of the budget
    for name, value in first.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=0, rtol=0)
    longer = VoiceOptions(Budget(1e-3, steps=3, warmup=1), positions=600, decoder_frames=60)
    further = train_voice(corpus, TOY, state, longer)
    assert not torch.equal(further.llama.norm.weight, first.llama.norm.weight)


def test_a_voice_in_training_says_what_the_exported_one_says(corpus: Corpus, tmp_path: Path) -> None:
    options = VoiceOptions(Budget(1e-3, steps=2, warmup=1), positions=600, decoder_frames=60)
    model = train_voice(corpus, TOY, tmp_path / "voice.safetensors", options)
    vocoder = train_vocos(corpus, TOY, tmp_path / "vocos.safetensors", VocosOptions(Budget(1e-3, steps=1), rows=2))
    export(tmp_path / "out", model, vocoder, SPEAKERS, dtype=torch.float32)
    parts = load_chattts(tmp_path / "out")
    utterances = corpus.utterances[:5]
    said = Rollouts(Collator(corpus, TOY.speakers, 625), random.Random(4)).codes(model, utterances)
    rng = random.Random(4)
    for u, codes in zip(utterances, said, strict=True):
        temperature, seed = rng.uniform(0.1, 0.5), rng.getrandbits(48)
        prompt = code_prompt(" ".join(u.tokens), prompt="", speaker=True)
        voice = VoiceStore(tmp_path / "out" / "voices").get(next(s.name for s in SPEAKERS if s.teacher == u.speaker))
        assert voice.embedding is not None
        row = SpeakerRow(parts.model.tokenizer.id("[spk_emb]"), speaker_embedding(voice.embedding))
        encoded = embed_prompt(parts.model.tokenizer.encode([prompt], 4), parts.model.embeddings, row)
        longest = int(1.3 * u.frames) + 1
        params = SamplingParams(temperature, min_new_tokens=max(1, len(u.tokens) // 2), max_new_tokens=longest)
        exported = generate(parts.model.code_mode, encoded, params, SeededNoise((seed,)))[0].codes
        assert len(codes) == len(exported)
        assert (codes == exported).float().mean() > 0.9  # speaker vectors are stored in float16


def test_speech_of_another_length_is_not_learned_from(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr("vivace.train.voice.asr_loss.LENGTHS", (0.0, 0.01))
    rollouts = Rollouts(Collator(corpus, TOY.speakers, 625), random.Random(0))
    assert rollouts.usable(VoiceModel(TOY), corpus.utterances[:3]) == [None] * 3


def test_a_listener_is_heard_in_every_step(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivace.train.voice.asr_loss.LENGTHS", (0.0, 2.0))
    listener = tmp_path / "recognizer.safetensors"
    heard = train_recognizer(corpus, listener, RecognizerOptions(Budget(1e-3, steps=1), hidden=16, layers=1))
    before = {name: value.clone() for name, value in heard.state_dict().items()}
    vocoder = tmp_path / "vocos.safetensors"
    train_vocos(corpus, TOY, vocoder, VocosOptions(Budget(1e-3, steps=1), rows=2))
    options = VoiceOptions(Budget(1e-3, steps=3, warmup=1), positions=600, decoder_frames=60)
    plain = train_voice(corpus, TOY, tmp_path / "plain.safetensors", options)
    hearing = replace(options, listeners=(listener, listener), vocoder=vocoder, ahead=2)
    taught = train_voice(corpus, TOY, tmp_path / "taught.safetensors", hearing)
    assert not torch.equal(taught.llama.norm.weight, plain.llama.norm.weight)
    assert all(torch.isfinite(p).all() for p in taught.parameters())
    assert all(torch.equal(value, before[name]) for name, value in load_recognizer(listener).state_dict().items())


@pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("espeak-ng", "flite")) or not FORTUNES.is_dir(),
    reason="the recipe's teachers are not installed: apt install espeak-ng flite fortunes",
)
def test_one_command_makes_a_checkpoint_from_nothing(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "recipes" / "embedded_voice" / "train.sh"
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(["sh", str(script), str(tmp_path), "toy"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    speakers = {voice.name for voice in VoiceStore(tmp_path / "checkpoint" / "voices").list()}
    assert speakers == {speaker.name for speaker in EMBEDDED_SPEAKERS}
    parts = load_chattts(tmp_path / "checkpoint")
    assert parts.model.config.vivace.text == "phones"
    durations = parts.model.durations
    assert durations is not None
    assert durations.frames.max() > 1
    again = subprocess.run(["sh", str(script), str(tmp_path), "huge"], env=environment, capture_output=True, text=True)
    assert again.returncode == 2
    assert "huge" in again.stderr


def test_blended_weights_lie_between_and_tags_stay(tmp_path: Path) -> None:
    torch.manual_seed(0)
    before, after = VoiceModel(TOY), VoiceModel(TOY)
    save_file({f"model.{k}": v.contiguous() for k, v in before.state_dict().items()}, tmp_path / "before.safetensors")
    kept = {key: value.clone() for key, value in after.state_dict().items()}
    average_weights(tmp_path / "before.safetensors", after, 0.75)
    old, new = before.llama.norm.weight, kept["llama.norm.weight"]
    torch.testing.assert_close(after.llama.norm.weight, 0.25 * old + 0.75 * new)
    row = vocabulary().index("[speed_3]")
    torch.testing.assert_close(after.embeddings.emb_text.weight[row], kept["embeddings.emb_text.weight"][row])
    phone = vocabulary().index("AH0")
    assert not torch.equal(after.embeddings.emb_text.weight[phone], kept["embeddings.emb_text.weight"][phone])
