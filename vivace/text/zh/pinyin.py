"""Chinese characters to citation pinyin: pypinyin's phrase matching, corrected where its data is not citation form."""

from collections.abc import Sequence

# Readings of interjections that are no initial + final: the nearest syllable that is one.
SYLLABIC = {"n": "en", "ng": "en", "m": "mu", "hm": "heng", "hng": "heng", "ê": "ei", "yo": "you", "lo": "luo"}


def citation(words: Sequence[str]) -> list[tuple[str, ...]] | None:
    """Citation syllables of Chinese words, TONE3 style with neutral 5 and ü as v: ``("nv3", "er2")``.

    None if a character has no reading. 一 and 不 are reset to yi1 and bu4: the phrase data holds sandhi for some words.
    """
    from pypinyin import Style, lazy_pinyin  # 0.2 s: only when Chinese is read

    text = "".join(words)
    syllables = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False, errors="ignore")
    if len(syllables) != len(text):
        return None
    read = [{"一": "yi1", "不": "bu4"}.get(c, _regular(s)) for c, s in zip(text, syllables, strict=True)]
    out: list[tuple[str, ...]] = []
    position = 0
    for word in words:
        out.append(tuple(read[position : position + len(word)]))
        position += len(word)
    return out


def _regular(syllable: str) -> str:
    """The syllable inside the initial + final inventory, with a tone digit."""
    base, tone = (syllable[:-1], syllable[-1]) if syllable[-1:].isdigit() else (syllable, "5")
    base = base.replace("ü", "v")
    return SYLLABIC.get(base, base) + tone
