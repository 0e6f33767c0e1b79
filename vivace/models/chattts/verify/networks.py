"""Files 02 to 06: embeddings, language model, sampler, DVAE, Decoder, quantizer variants, Vocos."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vivace.audio.mel import MelSpec, log_mel
from vivace.engine.generate import Decoding, greedy
from vivace.engine.protocols import ARModel, ARPrompt
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sampling import apply_repetition_penalty, apply_top_k, apply_top_p, process_logits
from vivace.layers.attention import GrowingKV
from vivace.models.chattts.checkpoint.load import ChatTTSModel
from vivace.models.chattts.dvae import DVAE, MEL, interleave_halves
from vivace.models.chattts.prompt import Encoded, SpeakerRow, code_prompt, embed_prompt
from vivace.models.chattts.speaker import decode_speaker, speaker_embedding
from vivace.models.verification import Arrays, Goldens, Row, compare, given
from vivace.vocoder.vocos import Vocos


def _encoded(arrays: Arrays, prefix: str = "") -> Encoded:
    return Encoded(
        torch.from_numpy(arrays[f"{prefix}input_ids"]).long(),
        torch.from_numpy(arrays[f"{prefix}attention_mask"]).bool(),
        torch.from_numpy(arrays[f"{prefix}text_mask"]).bool(),
    )


def speaker_row(model: ChatTTSModel, vector: Any) -> SpeakerRow:
    """The embedding of a speaker vector in the prompt."""
    return SpeakerRow(model.tokenizer.id("[spk_emb]"), speaker_embedding(vector))


def check_embed(goldens: Goldens, model: ChatTTSModel) -> Iterator[Row]:
    """Prompt embedding with and without a speaker, step embeddings, heads."""
    file = "02_embed.npz"
    arrays, tables = goldens.arrays(file), model.embeddings
    encoded = _encoded(arrays)
    case = next(c for c in goldens.json("01_tokenizer.json")["cases"] if c["key"] == "code_batch_zero_shot")
    codes = torch.from_numpy(goldens.arrays("01_tokenizer.npz")["codes_prompt"])
    ours = model.tokenizer.encode(case["decorated"], model.config.gpt.num_vq, codes)
    for name in ("input_ids", "attention_mask", "text_mask"):
        yield compare(f"{file}:{name}", getattr(ours, name), arrays[name])
    yield compare(f"{file}:emb", embed_prompt(encoded, tables).embeddings, arrays["emb"], 1e-6)
    text = goldens.json("01_tokenizer.json")["speaker_string"]
    yield compare(f"{file}:speaker_f16", decode_speaker(text), arrays["speaker_f16"])
    by_string = embed_prompt(encoded, tables, speaker_row(model, decode_speaker(text))).embeddings
    yield compare(f"{file}:emb_with_speaker_string", by_string, arrays["emb_with_speaker_string"], 2e-4)
    vector = arrays["speaker_f32"]
    yield given(goldens, file, "speaker_f32")
    by_tensor = embed_prompt(encoded, tables, speaker_row(model, vector)).embeddings
    yield compare(f"{file}:emb_with_speaker_tensor", by_tensor, arrays["emb_with_speaker_tensor"], 1e-6)
    code_mode, text_mode = model.code_mode, model.text_mode
    code_ids, text_ids = (torch.from_numpy(arrays[f"step_{kind}_ids"]).long() for kind in ("code", "text"))
    yield given(goldens, file, "step_code_ids")
    yield given(goldens, file, "step_text_ids")
    yield compare(f"{file}:step_code_emb", code_mode.embed(code_ids), arrays["step_code_emb"], 1e-6)
    yield compare(f"{file}:step_text_emb", text_mode.embed(text_ids[..., None]), arrays["step_text_emb"], 1e-6)
    hidden = torch.from_numpy(arrays["head_hidden"])
    yield given(goldens, file, "head_hidden")
    flat = hidden.flatten(0, 1)
    text_logits = text_mode.logits(flat)[:, 0].unflatten(0, hidden.shape[:2])  # type: ignore[no-untyped-call]
    yield compare(f"{file}:head_text_logits", text_logits, arrays["head_text_logits"], 2e-5)
    code_logits = code_mode.logits(flat).transpose(1, 2).unflatten(0, hidden.shape[:2])  # type: ignore[no-untyped-call]
    yield compare(f"{file}:head_code_logits", code_logits, arrays["head_code_logits"], 2e-5)


def check_prefill(goldens: Goldens, model: ChatTTSModel) -> Iterator[Row]:
    """One pass over a left-padded batch; padded places are not compared."""
    file = "03_gpt.npz"
    arrays = goldens.arrays(file)
    case = next(c for c in goldens.json("01_tokenizer.json")["cases"] if c["key"] == "code_batch")
    speaker = speaker_row(model, decode_speaker(goldens.json("01_tokenizer.json")["speaker_string"]))
    encoded = _encoded(arrays, "prefill_")
    prompts = [code_prompt(text, prompt=case["prompt"], speaker=True) for text in case["texts"]]
    ours = model.tokenizer.encode(prompts, model.config.gpt.num_vq)
    for name in ("input_ids", "attention_mask", "text_mask"):
        yield compare(f"{file}:prefill_{name}", getattr(ours, name), arrays[f"prefill_{name}"])
    prompt = embed_prompt(encoded, model.embeddings, speaker)
    real = encoded.attention_mask
    yield compare(f"{file}:prefill_position_ids", prompt.positions, arrays["prefill_position_ids"])
    yield compare(f"{file}:prefill_emb", prompt.embeddings, arrays["prefill_emb"], 2e-4)
    given = ARPrompt(torch.from_numpy(arrays["prefill_emb"]), real)
    store = GrowingKV(model.config.gpt.num_hidden_layers, real=real)
    hidden = model.code_mode.forward(given.embeddings, given.positions, store)
    yield compare(f"{file}:prefill_hidden", hidden[real], arrays["prefill_hidden"][real.numpy()], 2e-4)
    last = hidden[:, -2:].flatten(0, 1)
    code = model.code_mode.logits(last).transpose(1, 2).view(len(hidden), 2, -1, model.config.gpt.num_vq)
    yield compare(f"{file}:prefill_code_logits_last2", code, arrays["prefill_code_logits_last2"], 6e-4)
    text = model.text_mode.logits(last).view(len(hidden), 2, -1)
    yield compare(f"{file}:prefill_text_logits_last2", text, arrays["prefill_text_logits_last2"], 6e-4)


# How each greedy run was made: section 03_gpt.json of the goldens, in numbers.
GREEDY: dict[str, tuple[bool, SamplingParams]] = {
    "greedy": (True, SamplingParams((0.3, 0.35, 0.45, 0.6), 0.7, 20, 1.05, 16, 48, 48)),
    "greedy_eos": (False, SamplingParams(0.7, 0.8, 15, 1.2, 16, 2, 18)),
    "greedy_zero_shot": (True, SamplingParams(0.3, 0.7, 20, 1.05, 16, 16, 16)),
    "greedy_text": (False, SamplingParams(0.7, 0.7, 20, 1.0, 16, 32, 32)),
}


class _Watched(Decoding):
    """A decoding that remembers the logits of each step, and takes the slow way so that it has them all."""

    def __init__(self, model: ARModel, prompt: ARPrompt, params: SamplingParams) -> None:
        super().__init__(model, prompt, params, greedy)
        self.params = params
        self.scaled: list[Tensor] = []
        self.processed: list[Tensor] = []

    def candidates(self, logits: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        self.scaled.append(logits / self.temperatures)
        self.processed.append(process_logits(logits, history, self.temperatures, self.params))
        processed = self.processed[-1]
        return processed, torch.arange(processed.shape[-1]).expand_as(processed)


def _padded(rows: list[Tensor], length: int, fill: float) -> Tensor:
    out = rows[0].new_full((len(rows), length, *rows[0].shape[1:]), fill)
    for b, row in enumerate(rows):
        out[b, : len(row)] = row
    return out


def check_greedy(goldens: Goldens, model: ChatTTSModel) -> Iterator[Row]:
    """Whole generations in which the most likely code is always taken."""
    file = "03_gpt.npz"
    arrays, recorded = goldens.arrays(file), goldens.json("03_gpt.json")["runs"]
    string = goldens.json("01_tokenizer.json")["speaker_string"]
    codes = torch.from_numpy(goldens.arrays("01_tokenizer.npz")["codes_prompt"])
    for run, (with_speaker, params) in GREEDY.items():
        recording = codes if run == "greedy_zero_shot" else None
        ours = model.tokenizer.encode(recorded[run]["decorated"], model.config.gpt.num_vq, recording)
        for name in ("input_ids", "attention_mask", "text_mask"):
            yield compare(f"{file}:{run}_{name}", getattr(ours, name), arrays[f"{run}_{name}"])
        speaker = speaker_row(model, decode_speaker(string)) if with_speaker else None
        mode: ARModel = model.text_mode if run == "greedy_text" else model.code_mode
        decoding = _Watched(mode, embed_prompt(ours, model.embeddings, speaker), params)
        for _ in decoding.steps():
            pass
        result = decoding.result()
        want = arrays[f"{run}_tokens"]
        tokens = _padded([g.codes for g in result], want.shape[1], -1)
        yield compare(f"{file}:{run}_tokens", tokens[..., 0] if run == "greedy_text" else tokens, want)
        yield compare(f"{file}:{run}_lengths", [len(g.codes) for g in result], arrays[f"{run}_lengths"])
        hidden = _padded([g.hidden for g in result], want.shape[1], 0)
        yield compare(f"{file}:{run}_hiddens", hidden, arrays[f"{run}_hiddens"], 2e-4)
        for name, steps in (("scaled", decoding.scaled), ("processed", decoding.processed)):
            kept = arrays.get(f"{run}_logits_{name}")
            if kept is not None:
                yield compare(f"{file}:{run}_logits_{name}", torch.stack(steps[: len(kept)]), kept, 3e-3)


def _processed(case: dict[str, Any], arrays: Arrays) -> Tensor:
    """The output of our logits processors for a recorded case, with the row limit of the reference."""
    given = case["params"]
    logits: Tensor = torch.from_numpy(arrays[case["logits"]]) * given.get("logits_times", 1)
    if "penalty" in given and given["penalty"] != 1:
        history = torch.from_numpy(arrays[case["history"]]).long()[:, -given["past_window"] :]
        rows = min(len(logits), given["max_input_ids"])  # the reference leaves later rows alone
        logits[:rows] = apply_repetition_penalty(logits[:rows], history[:rows], given["penalty"])
    if given.get("top_p") is not None:
        logits = apply_top_p(logits, given["top_p"], given["min_tokens_to_keep"])
    if given.get("top_k") is not None:
        logits = apply_top_k(logits, given["top_k"], given["min_tokens_to_keep"])
    return logits


def check_processors(goldens: Goldens) -> Iterator[Row]:
    """Repetition penalty, top-p and top-k on recorded logits."""
    file = "04_logits_processors.npz"
    arrays = goldens.arrays(file)
    for name in arrays:
        if name.startswith("logits_") or name.endswith("_history"):
            yield given(goldens, file, name)
    for case in goldens.json("04_logits_processors.json")["cases"]:
        key, got = case["key"], _processed(case, arrays)
        if case["stored"] == "out":
            yield compare(f"{file}:{key}_out", got, arrays[f"{key}_out"], 1e-5)
        else:
            kept = np.packbits(np.isfinite(got.numpy()), axis=-1)
            yield compare(f"{file}:{key}_kept", kept, arrays[f"{key}_kept"])


ODD = slice(2_000, 31_900)  # of the recording: an odd number of mel frames
VOCOS_MEL = MelSpec(floor=1e-7)  # the vocoder's own floor; the DVAE's is 1e-5
LOUDER = 3.0  # added to the magnitude biases so that the limit bites


def _speech(goldens: Goldens) -> Tensor:
    return torch.from_numpy(goldens.arrays("00_speech.npz")["speech_int16"] / 32768).float()[None]


def check_encoder(goldens: Goldens, dvae: DVAE) -> Iterator[Row]:
    """A recording on its way to the quantizer, stage by stage."""
    file = "05_dvae.npz"
    arrays, speech = goldens.arrays(file), _speech(goldens)
    mel = log_mel(speech, MEL)
    yield compare(f"{file}:speech_mel", mel[0], arrays["speech_mel"], 2e-4)
    down = dvae.downsample_conv(mel / dvae.coef)
    yield compare(f"{file}:speech_downsampled", down[0], arrays["speech_downsampled"], 4e-4)
    encoded = dvae.encoder(down)
    yield compare(f"{file}:speech_encoded", encoded, arrays["speech_encoded"], 4e-4)
    for group, latent in enumerate(dvae.quantizer.latents(encoded)):
        yield compare(f"{file}:speech_latent_group{group}", latent, arrays[f"speech_latent_group{group}"], 4e-4)
    odd = dvae.features(log_mel(speech[:, ODD], MEL))
    yield compare(f"{file}:odd_encoded", odd, arrays["odd_encoded"], 4e-4)


def check_decoder(goldens: Goldens, model: ChatTTSModel) -> Iterator[Row]:
    """Hidden states on their way to mel, stage by stage."""
    file = "05_dvae.npz"
    arrays, stack = goldens.arrays(file), model.decoder.decoder
    hidden = torch.from_numpy(arrays["decoder_hiddens"])
    yield given(goldens, file, "decoder_hiddens")
    x = interleave_halves(hidden)
    yield compare(f"{file}:decoder_interleaved", x, arrays["decoder_interleaved"])
    x = stack.conv_in(x)
    yield compare(f"{file}:decoder_conv_in", x, arrays["decoder_conv_in"], 2e-4)
    yield compare(f"{file}:decoder_block0", stack.blocks[0](x), arrays["decoder_block0"], 2e-4)
    yield compare(f"{file}:decoder_mel", model.decoder(hidden), arrays["decoder_mel"], 2e-4)


def check_quantizer(goldens: Goldens, dvae: DVAE, file: str) -> Iterator[Row]:
    """Codes of recordings, and codes back to mel, in one variant."""
    arrays: Arrays = goldens.arrays(file)
    speech = _speech(goldens)
    codes = dvae.encode(speech)
    yield compare(f"{file}:speech_codes", codes[0], arrays["speech_codes"])
    yield compare(f"{file}:odd_codes", dvae.encode(speech[:, ODD])[0], arrays["odd_codes"])
    if "codes" not in arrays:
        return
    yield given(goldens, file, "codes")
    book = torch.from_numpy(arrays["codes"]).long()
    yield compare(f"{file}:codes_features", dvae.quantizer.decode(book), arrays["codes_features"], 1e-5)
    yield compare(f"{file}:codes_mel", dvae(book), arrays["codes_mel"], 3e-4)
    yield compare(f"{file}:speech_codes_mel", dvae(codes[..., 40:60]), arrays["speech_codes_mel"], 3e-4)


def check_vocos(goldens: Goldens, vocos: Vocos) -> Iterator[Row]:
    """Mel to wave, stage by stage, and the vocoder's own mel."""
    file = "06_vocos.npz"
    arrays = goldens.arrays(file)
    mel = torch.from_numpy(arrays["mel"])
    yield given(goldens, file, "mel")
    features = vocos.backbone(mel)
    yield compare(f"{file}:backbone", features, arrays["backbone"], 1e-4)
    raw = vocos.head.raw(features)
    yield compare(f"{file}:head_raw", raw, arrays["head_raw"], 1e-4)
    yield compare(f"{file}:wav", vocos(mel), arrays["wav"], 3e-5)
    loud = raw[:1].clone()
    loud[..., : VOCOS_MEL.bins] += LOUDER
    yield compare(f"{file}:loud_wav", vocos.head.wave(loud), arrays["loud_wav"], 5e-4)
    speech_mel = log_mel(_speech(goldens)[:, :10_240], VOCOS_MEL)
    yield compare(f"{file}:speech_mel", speech_mel, arrays["speech_mel"], 2e-3)
    recorded = torch.from_numpy(arrays["speech_mel"])
    yield compare(f"{file}:speech_wav", vocos(recorded), arrays["speech_wav"], 3e-5)
