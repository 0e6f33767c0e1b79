"""Files 00 and 01: prompts, their ids and masks."""

from collections.abc import Iterator

import torch

from vivace.bench.goldens.report import Goldens, Row, compare, equal, given
from vivace.models.chattts.checkpoint.load import ChatTTSModel
from vivace.models.chattts.prompt import code_prompt, refine_prompt
from vivace.models.chattts.speaker import decode_audio_prompt


def check_speech(goldens: Goldens) -> Iterator[Row]:
    """The recording that later files take as input."""
    yield given(goldens, "00_speech.npz", "speech_int16")


def check_tokenizer(goldens: Goldens, model: ChatTTSModel) -> Iterator[Row]:
    """Decorated prompts, ids, masks, and the way back to text."""
    recorded, arrays = goldens.json("01_tokenizer.json"), goldens.arrays("01_tokenizer.npz")
    tokenizer = model.tokenizer
    yield equal("01_tokenizer.json:vocabulary_size", len(tokenizer), recorded["vocabulary_size"])
    special = {token: tokenizer.id(token) for token in recorded["special_ids"]}
    yield equal("01_tokenizer.json:special_ids", special, recorded["special_ids"])
    codes = torch.from_numpy(decode_audio_prompt(recorded["codes_prompt_string"]))
    yield compare("01_tokenizer.npz:codes_prompt", codes, arrays["codes_prompt"])
    for case in recorded["cases"]:
        key = case["key"]
        if case["kind"] == "refine":
            texts = [refine_prompt(text, case["prompt"]) for text in case["texts"]]
        else:
            speaker, said = case["speaker_given"], case["txt_smp"]
            texts = [
                code_prompt(text, prompt=case["prompt"], speaker=speaker, transcript=said) for text in case["texts"]
            ]
        yield equal(f"01_tokenizer.json:{key} decorated", texts, case["decorated"])
        encoded = tokenizer.encode(texts, model.config.gpt.num_vq, codes if case["codes_prompt_given"] else None)
        yield compare(f"01_tokenizer.npz:{key}_input_ids", encoded.input_ids, arrays[f"{key}_input_ids"])
        yield compare(f"01_tokenizer.npz:{key}_attention_mask", encoded.attention_mask, arrays[f"{key}_attention_mask"])
        yield compare(f"01_tokenizer.npz:{key}_text_mask", encoded.text_mask, arrays[f"{key}_text_mask"])
        decoded = [tokenizer.decode(tokenizer.ids(text)) for text in texts]
        yield equal(f"01_tokenizer.json:{key} decoded", decoded, case["decoded"])
