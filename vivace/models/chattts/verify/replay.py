"""Files 09: whole runs of the reference, replayed on our parts, defects included. Only verification uses this.

Section 26 of the ChatTTS facts lists the differences from Vivace: the same noise in every step, the first sentence
spoken twice, streams that decode from frame 0 again and lose the start of every later group.
"""

# B batch, T code frames, N samples, Q codebooks

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.generate import Decoding, Generation
from vivace.engine.sampler_state import SamplingParams
from vivace.models.chattts.checkpoint.load import ChatTTSModel
from vivace.models.chattts.prompt import Encoded, SpeakerRow, code_prompt, embed_prompt, refine_prompt
from vivace.models.chattts.speaker import decode_audio_prompt, decode_speaker, speaker_embedding
from vivace.models.chattts.verify import compat
from vivace.models.verification import Arrays, Goldens, Row, compare, equal
from vivace.vocoder.vocos import Vocos


@dataclass(frozen=True)
class RepeatedNoise:
    """The reference's ``manual_seed``: the generator is put back to the same state before every step."""

    seed: int
    batch: int

    def matrix(self, codebooks: int, vocabulary: int) -> Tensor:
        """The draw of every step, ``[B * Q, V]``."""
        generator = torch.Generator().manual_seed(self.seed)
        return torch.empty(self.batch * codebooks, vocabulary).exponential_(generator=generator)

    def __call__(self, step: int, codes: Tensor, codebooks: int, vocabulary: int) -> Tensor:
        return self.matrix(codebooks, vocabulary).gather(1, codes)


@dataclass(frozen=True)
class Settings:
    """A run's settings under the reference's names and with its defaults."""

    use_decoder: bool = True
    split_text: bool = True
    max_split_batch: int = 4
    stream: bool = False
    refine: bool = False  # a refine pass comes first
    refine_only: bool = False
    refine_prompt: str = ""
    refine_max: int = 384
    prompt: str = "[speed_5]"
    sampling: SamplingParams = field(default_factory=lambda: SamplingParams(min_new_tokens=0))
    speaker: str | None = None
    recording: NDArray[np.int32] | None = None
    transcript: str | None = None
    stream_batch: int = 24
    stream_speed: int = 12_000
    pass_first: int = 2

    @classmethod
    def from_recorded(cls, given: Mapping[str, Any]) -> "Settings":
        """From the settings that a run was recorded with."""
        temperature = given.get("temperature", 0.3)
        sampling = SamplingParams(
            temperature=tuple(temperature) if isinstance(temperature, list) else temperature,
            top_p=given.get("top_P", 0.7),
            top_k=given.get("top_K", 20),
            repetition_penalty=given.get("repetition_penalty", 1.05),
            min_new_tokens=given.get("min_new_token", 0),
            max_new_tokens=given.get("max_new_token", 2048),
        )
        smp = given.get("spk_smp")
        return cls(
            use_decoder=given.get("use_decoder", True),
            split_text=given["split_text"],
            max_split_batch=given.get("max_split_batch", 4),
            stream=given.get("stream", False),
            refine="refine_text_only" in given,
            refine_only=given.get("refine_text_only", False),
            refine_prompt=given.get("refine_prompt", ""),
            refine_max=given.get("refine_max_new_token", 384),
            prompt=given.get("prompt", "[speed_5]"),
            sampling=sampling,
            speaker=given.get("spk_emb"),
            recording=None if smp is None else decode_audio_prompt(smp),
            transcript=given.get("txt_smp"),
            stream_batch=given.get("stream_batch", 24),
            stream_speed=given.get("stream_speed", 12_000),
            pass_first=given.get("pass_first_n_batches", 2),
        )


@dataclass(frozen=True)
class Call:
    """One generation of a run."""

    prompts: list[str]
    encoded: Encoded
    result: list[Generation]


@dataclass
class ChatTTSTrace:
    """The record of a run."""

    calls: list[Call] = field(default_factory=list)
    decoded: list[Tensor] = field(default_factory=list)  # [B, N] each
    chunks: list[Tensor] = field(default_factory=list)  # [B, n] each
    rests: set[int] = field(default_factory=set)  # which chunks end a batch; silent samples are still in them
    texts: list[str] = field(default_factory=list)
    recording: NDArray[np.int32] | None = None


class Replay:
    """One run."""

    def __init__(self, model: ChatTTSModel, vocos: Vocos, settings: Settings, seed: int) -> None:
        self._model, self._vocos, self._seed = model, vocos, seed
        self._settings = settings
        self.trace = ChatTTSTrace(recording=settings.recording)

    def run(self, text: str | list[str], homophones: Mapping[str, str]) -> ChatTTSTrace:
        """The whole of the reference's ``infer``."""
        settings = self._settings
        split = settings.split_text and isinstance(text, str)
        texts = compat.split_sentences(str(text)) if split else ([text] if isinstance(text, str) else list(text))
        texts = [compat.normalize(t, homophones=homophones) for t in texts]
        if settings.refine:
            texts = self._refine(texts)
        self.trace.texts = texts
        if settings.refine_only:
            return self.trace
        if settings.split_text and len(texts) > 1 and settings.recording is None:
            self._carry_over(texts[0])
        size = self._settings.max_split_batch if settings.split_text else len(texts)
        position = (0, 0)
        for start in range(0, len(texts), size):
            position = self._speak(texts[start : start + size], position)
        return self.trace

    def _refine(self, texts: list[str]) -> list[str]:
        settings, tokenizer = self._settings, self._model.tokenizer
        prompts = [refine_prompt(text, settings.refine_prompt) for text in texts]
        params = SamplingParams(0.7, 0.7, 20, 1.0, min_new_tokens=0, max_new_tokens=settings.refine_max)
        encoded = tokenizer.encode(prompts, self._model.config.gpt.num_vq)
        noise = RepeatedNoise(self._seed, len(prompts))
        decoding = Decoding(self._model.text_mode, embed_prompt(encoded, self._model.embeddings), params, noise)
        for _ in decoding.steps():
            pass
        self.trace.calls.append(Call(prompts, encoded, decoding.result()))
        first_level = tokenizer.id("[break_0]")  # levels and what follows them never come back as text
        kept = [[int(i) for i in g.codes[:, 0] if i < first_level] for g in decoding.result()]
        return [tokenizer.decode(ids) for ids in kept]

    def _carry_over(self, text: str) -> None:
        """The first sentence, generated and encoded, is the reference of all later ones."""
        assert self._model.dvae is not None, "voices carry over through the encoder"
        *_, wave = self._snapshots([text], stream=False)
        codes = self._model.dvae.encode(wave)[0].numpy().astype(np.int32)
        self.trace.decoded.append(wave)
        self.trace.recording = codes
        self._settings = replace(self._settings, recording=codes, transcript=text)

    def _snapshots(self, texts: list[str], *, stream: bool) -> Iterator[Tensor]:
        """Generate one batch; the wave ``[B, N]`` so far at every snapshot, the last one whole."""
        settings, model = self._settings, self._model
        prompts = [
            code_prompt(
                text,
                prompt=settings.prompt,
                speaker=settings.speaker is not None,
                transcript=settings.transcript,
            )
            for text in texts
        ]
        recording = None if settings.recording is None else torch.from_numpy(settings.recording)
        encoded = model.tokenizer.encode(prompts, model.config.gpt.num_vq, recording)
        speaker = None
        if settings.speaker is not None:
            row = speaker_embedding(decode_speaker(settings.speaker))
            speaker = SpeakerRow(model.tokenizer.id("[spk_emb]"), row)
        prompt, noise = embed_prompt(encoded, model.embeddings, speaker), RepeatedNoise(self._seed, len(texts))
        decoding = Decoding(model.code_mode, prompt, settings.sampling, noise)
        frames = 0  # steps in which some row was still speaking
        for _ in decoding.steps():
            frames += not all(decoding.done)
            if stream and frames and frames % settings.stream_batch == 0:
                yield self._wave(decoding.result())
        self.trace.calls.append(Call(prompts, encoded, decoding.result()))
        yield self._wave(decoding.result())

    def _wave(self, result: list[Generation]) -> Tensor:
        """``[B, N]``; shorter rows are filled with zeros before decoding."""
        width = max(len(g.codes) for g in result)
        rows = [g.hidden if self._settings.use_decoder else g.codes for g in result]
        x = rows[0].new_zeros(len(rows), rows[0].shape[1], width)
        for b, row in enumerate(rows):
            x[b, :, : len(row)] = row.T
        decoder = self._model.decoder if self._settings.use_decoder else self._model.dvae
        assert decoder is not None, "this way of decoding needs the DVAE"
        wave: Tensor = self._vocos(decoder(x))
        return wave

    def _speak(self, texts: list[str], position: tuple[int, int]) -> tuple[int, int]:
        """One batch; ``position`` is samples sent and snapshots seen, which the reference never puts back."""
        settings = self._settings
        sent, seen = position
        wave = torch.zeros(len(texts), 0)
        for wave in self._snapshots(texts, stream=settings.stream):
            self.trace.decoded.append(wave)
            seen += 1
            if settings.stream and seen > settings.pass_first:
                until = min(sent + settings.stream_speed, wave.shape[1])
                self.trace.chunks.append(wave[:, sent:until])
                sent = until
        if settings.stream:
            self.trace.rests.add(len(self.trace.chunks))
            self.trace.chunks.append(wave[:, sent:])
        return sent, seen


HEAD = 400  # samples kept of the start and of the end of each chunk
SILENT, ROUNDING = 1e-5, 5e-6  # samples this quiet are dropped; how near to it a comparison is undecided
HIDDEN, WAVE, NOISE = 3e-4, 5e-4, 1e-5  # tolerances of the manifest


def _check_call(name: str, call: Call, arrays: Arrays) -> Iterator[Row]:
    width = max(len(g.codes) for g in call.result)
    text = arrays[f"{name}_tokens"].ndim == 2
    tokens = np.full((len(call.result), width, call.result[0].codes.shape[1]), -1)
    hidden = np.zeros((len(call.result), width, call.result[0].hidden.shape[1]), np.float32)
    for b, g in enumerate(call.result):
        tokens[b, : len(g.codes)], hidden[b, : len(g.codes)] = g.codes.numpy(), g.hidden.numpy()
    yield compare(f"{name}_prompt_ids", call.encoded.input_ids, arrays[f"{name}_prompt_ids"])
    yield compare(f"{name}_tokens", tokens[..., 0] if text else tokens, arrays[f"{name}_tokens"])
    if f"{name}_hiddens" in arrays:
        yield compare(f"{name}_hiddens", hidden, arrays[f"{name}_hiddens"], HIDDEN)


def _audible(rest: Tensor, width: int) -> Tensor:
    """The reference drops samples at or below 1e-5 from the end of a batch.

    Samples nearer to that limit than rounding may fall on either side of it; of these, as many as were recorded stay.
    """
    loudest = rest.abs().amax(0)
    sure, doubtful = loudest > SILENT + ROUNDING, (loudest - SILENT).abs() <= ROUNDING
    missing = min(max(width - int(sure.sum()), 0), int(doubtful.sum()))
    chosen = loudest.masked_fill(~doubtful, -1).topk(missing).indices
    sure[chosen] = True
    return rest[:, sure]


def _check_stream(run: str, trace: ChatTTSTrace, case: dict[str, Any], arrays: Arrays) -> Iterator[Row]:
    wanted = case["chunk_shapes"]
    chunks = [
        _audible(chunk, shape[1]) if i in trace.rests else chunk
        for i, (chunk, shape) in enumerate(zip(trace.chunks, wanted, strict=True))
    ]
    yield equal(f"{run} chunk shapes", [list(c.shape) for c in chunks], wanted)
    for part in ("heads", "tails"):
        want = arrays.get(f"{run}_chunk_{part}")
        if want is None:
            continue
        cut = [c[:, :HEAD] if part == "heads" else c[:, -HEAD:] for c in chunks]
        yield compare(f"{run}_chunk_{part}", torch.stack(cut), want, WAVE)


def _check_run(
    run: str, case: dict[str, Any], arrays: Arrays, parts: tuple[ChatTTSModel, Vocos], homophones: dict[str, str]
) -> Iterator[Row]:
    model, vocos = parts
    settings = Settings.from_recorded(case["settings"])
    trace = Replay(model, vocos, settings, case["seed"]).run(case["text"], homophones)
    for call, want in zip(trace.calls, case["generate_calls"], strict=True):
        yield equal(f"{want['name']} prompts", call.prompts, want["prompts"])
        yield equal(f"{want['name']} lengths", [len(g.codes) for g in call.result], want["lengths"])
        yield from _check_call(want["name"], call, arrays)
    if f"{run}_noise" in arrays:
        rows = arrays[f"{run}_noise"]
        codebooks = 1 if settings.refine else model.config.gpt.num_vq
        noise = RepeatedNoise(case["seed"], len(rows) // codebooks).matrix(codebooks, rows.shape[1])
        yield compare(f"{run}_noise", noise, rows, NOISE)
    if "output_text" in case:
        texts = trace.texts if isinstance(case["output_text"], list) else "\n".join(trace.texts)
        yield equal(f"{run} text", texts, case["output_text"])
    if "decoded_shapes" in case:
        yield equal(f"{run} decoded shapes", [list(w.shape) for w in trace.decoded], case["decoded_shapes"])
    if f"{run}_decoded" in arrays:
        yield compare(f"{run}_decoded", trace.decoded[-1], arrays[f"{run}_decoded"], WAVE)
    if "chunk_shapes" in case:
        yield from _check_stream(run, trace, case, arrays)
    if "spk_smp_after" in case:
        assert trace.recording is not None, "this run makes its own recording"
        want_codes = decode_audio_prompt(case["spk_smp_after"])
        yield compare(f"{run} recording", trace.recording, want_codes)
    if run.startswith("zero_shot"):
        assert settings.recording is not None, "this run is given a recording"
        yield compare("zero_shot_codes", settings.recording, arrays["zero_shot_codes"])


def check_runs(goldens: Goldens, parts: tuple[ChatTTSModel, Vocos], stem: str) -> Iterator[Row]:
    """All runs of one file."""
    cases, arrays = goldens.json(f"{stem}.json"), goldens.arrays(f"{stem}.npz")
    homophones = goldens.json("08_normalizer.json")["homophones_used"]
    for run, case in cases.items():
        if run.startswith("_"):
            continue
        for row in _check_run(run, case, arrays, parts, homophones):
            yield Row(f"{stem}.npz:{row.name}", row.ok, row.error, row.tolerance, row.detail)
