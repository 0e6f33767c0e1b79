"""Group ``text``: the symbol tables, ids of recorded phones, and the six ways to cut a text."""

import hashlib
from collections.abc import Iterator

from vivace.bench.goldens.report import Goldens, Row, equal
from vivace.models.gpt_sovits.symbols import phone_ids, symbols
from vivace.models.gpt_sovits.text_split import presplit, split_text


def check_text(goldens: Goldens) -> Iterator[Row]:
    """All recorded texts.

    What the reference's front end makes of a text is not compared: Vivace reads texts its own way. The phones that were
    recorded must have the recorded ids.
    """
    recorded = goldens.json("text/cases.json")
    for version in ("v1", "v2"):
        listed, want = symbols(version), recorded["symbols"][version]
        digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()
        yield equal(f"text/symbols {version}", (len(listed), digest), (want["count"], want["sha256"]))
    for group in ("zh_word_pinyin", "zh_given_pinyin", "en", "mixed"):
        for case in recorded[group]:
            if "ids" in case:
                yield equal(f"text/{group} {case['text'][:12]}: ids", phone_ids(case["phones"], "v2"), case["ids"])
    for case in recorded["split"]:
        name = f"text/split {case['method']} {case['text'][:8]!r}"
        yield equal(name, split_text(case["text"], case["method"]), case["pieces"])
    for case in recorded["pre_segment"]:
        name = f"text/pre_segment {case['method']} {case['lang']} {case['text'][:8]!r}"
        yield equal(name, presplit(case["text"], case["method"], english=case["lang"] == "en"), case["pieces"])
