"""Every recorded case of ChatTTS against our own parts: the order of the checks, and those of texts and speakers."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vivace.errors import InputError
from vivace.layers.fsq import QuantizerVariant
from vivace.models.chattts.checkpoint.load import ChatTTSModel
from vivace.models.chattts.checkpoint.parts import ChatTTSParts, load_chattts
from vivace.models.chattts.prompt import code_prompt, refine_prompt
from vivace.models.chattts.speaker import (
    SpeakerStatistics,
    decode_audio_prompt,
    decode_base16384,
    decode_speaker,
    encode_audio_prompt,
    encode_base16384,
    encode_speaker,
    published_statistics,
    random_speaker,
)
from vivace.models.chattts.verify import compat, networks, replay
from vivace.models.verification import Goldens, Row, compare, equal, given, run_check

VARIANTS: tuple[QuantizerVariant, ...] = ("a", "b", "c")


def verify(folder: Path) -> list[Row]:
    """Every comparison of one goldens folder, in order.

    Raises:
        InputError: ``folder`` holds no checkpoint or no arrays.
        WeightsError: a checkpoint of it does not load.
    """
    goldens = Goldens(folder)
    if not (folder / "checkpoint" / "asset").is_dir():
        raise InputError(f"{folder} holds no goldens; give a folder with manifest.json and the checkpoints it records")
    manifest = goldens.json("manifest.json")
    rows = list(_check_files(goldens, manifest.get("checkpoint_sha256", {})))
    root = folder / "checkpoint"
    for label, check in _checks(goldens, lambda variant: load_chattts(root, variant=variant)):
        rows += run_check(label, check)
    return rows + list(_uncompared(manifest["files"], rows))


def _check_files(goldens: Goldens, recorded: dict[str, str]) -> Iterator[Row]:
    for name, want in recorded.items():
        path = goldens.folder / "checkpoint" / name
        got = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        yield Row(f"checkpoint/{name} sha256", got == want, None, 0.0, "" if got == want else f"{got[:12]}…")


def _checks(
    goldens: Goldens, load: Callable[[QuantizerVariant], ChatTTSParts]
) -> Iterator[tuple[str, Callable[[], Iterator[Row]]]]:
    """Each check of the family with a name to report it by."""
    parts = load("a")
    model, vocos = parts.model, parts.vocoder
    yield "00", partial(check_speech, goldens)
    yield "01", partial(check_tokenizer, goldens, model)
    yield "02", partial(networks.check_embed, goldens, model)
    yield "03 prefill", partial(networks.check_prefill, goldens, model)
    yield "03 greedy", partial(networks.check_greedy, goldens, model)
    yield "04", partial(networks.check_processors, goldens)
    yield "05 decoder", partial(networks.check_decoder, goldens, model)
    yield "06", partial(networks.check_vocos, goldens, vocos)
    yield "07", partial(check_speakers, goldens, model)
    yield "08", partial(check_normalizer, goldens)
    yield "09", partial(replay.check_runs, goldens, (model, vocos), "09_e2e")
    for variant in VARIANTS:
        other = load(variant)
        dvae = other.model.dvae
        assert dvae is not None, "the recorded checkpoint has a DVAE"
        if variant == "a":
            yield "05 encoder", partial(networks.check_encoder, goldens, dvae)
        yield f"05 {variant}", partial(networks.check_quantizer, goldens, dvae, f"05_dvae_fsq_{variant}.npz")
        if (goldens.folder / f"09_e2e_fsq_{variant}.npz").is_file():
            runs = partial(replay.check_runs, goldens, (other.model, other.vocoder), f"09_e2e_fsq_{variant}")
            yield f"09 {variant}", runs


def _uncompared(manifest: list[dict[str, object]], rows: list[Row]) -> Iterator[Row]:
    """Arrays of the manifest that no check looked at."""
    seen = {row.name.split(" ")[0] for row in rows}
    for entry in manifest:
        for name in entry.get("arrays", {}):  # type: ignore[attr-defined]
            if f"{entry['file']}:{name}" not in seen:
                yield Row(f"{entry['file']}:{name}", False, None, 0.0, "nothing was compared with it")


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


ZH_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


def check_speakers(goldens: Goldens, model: ChatTTSModel) -> Iterator[Row]:
    """Vectors, audio prompts, statistics, random speakers and their noise, and raw base16384."""
    file = "07_speaker.npz"
    recorded, arrays = goldens.json("07_speaker.json"), goldens.arrays(file)
    published = published_statistics()
    yield compare(f"{file}:default_std", published.std, arrays["default_std"])
    yield compare(f"{file}:default_mean", published.mean, arrays["default_mean"])
    for row in recorded["vectors"]:
        vector = decode_speaker(row["string"])
        yield compare(f"{file}:{row['vector']}", vector, arrays[row["vector"]])
        again = decode_speaker(encode_speaker(vector))
        yield equal(f"07_speaker.json:{row['vector']} round trip", again.tobytes(), vector.tobytes())
    for row in recorded["prompts"]:
        codes = decode_audio_prompt(row["string"])
        yield compare(f"{file}:{row['codes']}", codes, arrays[row["codes"]])
        again_codes = decode_audio_prompt(encode_audio_prompt(codes))
        yield equal(f"07_speaker.json:{row['codes']} round trip", again_codes.tolist(), codes.tolist())
    for row in recorded["sampled"]:
        statistics = published if row["statistics"] == "default" else model.statistics
        assert statistics is not None, "the recorded checkpoint has statistics of its own"
        width = len(statistics.mean)
        unit = SpeakerStatistics(np.ones(width, np.float16), np.zeros(width, np.float16))
        yield compare(f"{file}:{row['noise']}", random_speaker(unit, row["seed"]), arrays[row["noise"]])
        vector = random_speaker(statistics, row["seed"])
        yield compare(f"{file}:{row['vector']}", vector, arrays[row["vector"]])
        yield equal(f"07_speaker.json:{row['vector']} string", decode_speaker(row["string"]).tolist(), vector.tolist())
    for row in recorded["base16384"]:
        raw = bytes.fromhex(row["hex"])
        both = (encode_base16384(raw), decode_base16384(row["string"]))
        yield equal(f"07_speaker.json:base16384 of {len(raw)} bytes", both, (row["string"], raw))
    coef = np.frombuffer(decode_base16384(recorded["coef"]["string"]), "<f4")
    yield compare(f"{file}:coef", coef, arrays["coef"])


def _outcome(case: dict[str, Any], **options: Any) -> str:
    try:
        return compat.normalize(case["text"], **options)
    except IndexError as exc:
        return type(exc).__name__


def check_normalizer(goldens: Goldens) -> Iterator[Row]:
    """The reference's normalizer and sentence splitter, one row per set of flags."""
    recorded = goldens.json("08_normalizer.json")
    homophones = recorded["homophones_used"]
    flags = ("do_text_normalization", "do_homophone_replacement", "lang")
    for number, case in enumerate(recorded["cases"]):
        got = _outcome(case, homophones=homophones, **{flag: case[flag] for flag in flags})
        want = case.get("output", case.get("raises"))
        both = (got, compat.detect_language(case["text"]))
        yield equal(f"08_normalizer.json:case {number}", both, (want, case["detected"]))
    plugged = {"zh": lambda text: text.translate(ZH_DIGITS), "en": str.upper}
    for number, case in enumerate(recorded["registered"]["cases"]):
        got = _outcome(case, homophones=homophones, normalizers=plugged)
        yield equal(f"08_normalizer.json:registered {number}", got, case.get("output", case.get("raises")))
    for number, case in enumerate(recorded["splitting"]):
        text, parts = case["text"], case["parts"]
        whole = not case["split_text"] or isinstance(text, list)
        got_parts = ([] if text == "" else text) if whole else compat.split_sentences(text)
        yield equal(f"08_normalizer.json:splitting {number}", got_parts, parts)
