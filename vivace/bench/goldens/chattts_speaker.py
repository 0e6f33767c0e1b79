"""Files 07 and 08: speaker strings and the reference's text handling."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from vivace.bench.goldens.report import Goldens, Row, compare, equal
from vivace.models.chattts import base16384, compat
from vivace.models.chattts.checkpoint.load import ChatTTSModel
from vivace.models.chattts.speaker import (
    SpeakerStatistics,
    decode_audio_prompt,
    decode_speaker,
    encode_audio_prompt,
    encode_speaker,
    published_statistics,
    random_speaker,
)

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
        both = (base16384.encode(raw), base16384.decode(row["string"]))
        yield equal(f"07_speaker.json:base16384 of {len(raw)} bytes", both, (row["string"], raw))
    coef = np.frombuffer(base16384.decode(recorded["coef"]["string"]), "<f4")
    yield compare(f"{file}:coef", coef, arrays["coef"])


def _outcome(case: dict[str, Any], **options: Any) -> str:
    try:
        return compat.normalise(case["text"], **options)
    except IndexError as exc:
        return type(exc).__name__


def check_normaliser(goldens: Goldens) -> Iterator[Row]:
    """The reference's normaliser and sentence splitter, one row per set of flags."""
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
        got = _outcome(case, homophones=homophones, normalisers=plugged)
        yield equal(f"08_normalizer.json:registered {number}", got, case.get("output", case.get("raises")))
    for number, case in enumerate(recorded["splitting"]):
        text, parts = case["text"], case["parts"]
        whole = not case["split_text"] or isinstance(text, list)
        got_parts = ([] if text == "" else text) if whole else compat.split_sentences(text)
        yield equal(f"08_normalizer.json:splitting {number}", got_parts, parts)
