"""Roman numerals where they are surely numerals: Chapter VI, Henry VIII, World War II."""

import re

from vivace.text.en.number import cardinal, ordinal, year
from vivace.text.rule import Deferred, Rule

VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
END = r"(?![A-Za-z0-9-]|['’](?!s\b))"  # Henry VIII's, not XI-a
# One letter alone is a numeral only as I, V or X: "Class C" and "Appendix D" are letters.
NUMERAL = r"(?P<roman>(?=[IVX]|[LCDM]{1,4}[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))" + END
BARE = r"(?P<roman>(?:X{0,3}(?:IX|IV|V?I{2,3}|VI)|XI?V|X{1,3}V))" + END  # not I, V, X, XI or XX alone
YEAR = r"(?P<roman>M{1,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))" + END
CAPITAL = (" I", " V", " X", " L", " C", " D", " M")  # how a numeral begins
PARTS = (
    "[Cc]hapter|CHAPTER|[Pp]art|PART|[Vv]olume|[Bb]ook|[Aa]ct|[Ss]cene|[Ss]ection|[Tt]itle|[Aa]ppendix|[Pp]hase"
    "|[Tt]ype|[Cc]lass|[Ss]tage|[Gg]rade|[Ll]evel|World War|Super Bowl|Rocky|Final Fantasy|Apollo|[Aa]rticle"
    "|[Ff]igure|[Tt]able|[Ee]pisode|[Ss]eason|Saturn|Mark|GTA|Halo|Civilization|Olympiad|Vatican|Schedule|Division"
    "|[Qq]uestion|[Ss]tep|[Gg]roup|[Ll]esson|[Uu]nit|[Tt]ier|[Cc]ategory|Titan|WrestleMania|[Aa]mendment"
)
RULERS = (
    "Henry|Louis|Charles|George|Edward|William|James|Richard|Elizabeth|Mary|Victoria|John Paul|Philip|Ferdinand"
    "|Frederick|Napoleon|Nicholas|Alexander|Catherine|Peter|Benedict|Pius|Leo|Gregory|Francis|Otto|Ramesses|Ramses|Ptolemy"
    "|Robert|Thomas|David|Constantine|Theodore|Sixtus|Urban|Clement|Innocent|Julius|Alfonso|Rudolf|Albert"
    "|Margaret|Anne|Isabella|Haakon|Olaf|Baldwin|Innocent|Celestine|Umberto|Juan Carlos|Felipe|Wilhelm|Franz|Ivan"
    "|Thutmose|Amenhotep|Seti|Kenneth|Magnus|Sigismund|Casimir|Ladislaus|Mehmed|Murad|Selim|Suleiman|Abdullah|Pedro"
    "|Afonso|Manuel|Sancho|Boniface|Eugene|Honorius|Hadrian|Paschal|Malcolm(?! X)|Stephen(?= [IVX]{2})"
    "|John(?= [IVX]{2})|Paul(?= V)|Adrian(?= [IVX]{2})|Martin(?= [IVX]{2})|Rama|Vladislav|Nerva|Justinian"
    "|Valentinian|Theodosius|Tiberius|Cosimo|Lorenzo|Darius|Xerxes|Leopold|Gustav|Christian|Harald"
    "|(?:Pope|King|Queen|Emperor|Tsar|Prince) [A-Z][a-z]{1,20}"
)


GIVEN = (
    "John|William|Robert|James|Thomas|Charles|George|Henry|Edward|Richard|David|Michael|Joseph|Daniel|Paul|Mark|Peter|Samuel"
    "|Benjamin|Francis|Walter|Arthur|Frank|Albert|Harold|Frederick|Donald|Kenneth|Stephen|Steven|Andrew|Alexander|Anthony"
    "|Philip|Louis|Lewis|Raymond|Ralph|Howard|Hugh|Patrick|Matthew|Christopher|Jonathan|Nicholas|Douglas|Gregory|Marcus|Davis"
)


# Behind I, these tell the pronoun from the numeral. A book and a king are third persons: their verbs end in s.
BESIDE_NUMERAL = frozenset(
    (  # noqa: SIM905
        "of and or to in on at for by with from as but than into over vs versus through until"
        " error errors trial trials diabetes diabetic diabetics cancer cancers clinical device devices trauma offense"
        " offense felony misdemeanor civilization superconductor supernova supernovae collagen certification license"
        " license restaurant site sites drug drugs study studies tumor tumour disease patient patients funds funding"
        " school schools railroad railroads hypersensitivity fibers muscle schizophrenia interferon"
    ).split()
)
ONLY_PRONOUN = frozenset(
    (  # noqa: SIM905
        "am have do don't trust know love like hate want need think believe remember miss see hear feel hope wish"
        " guess suppose mean admire respect owe never always really just also still often sometimes can can't could"
        " couldn't will won't would wouldn't should shouldn't may might must wrote bought sent chose liked wanted"
        " loved hated thought knew said told saw read met made got took gave"
    ).split()
)
KIN = re.compile(
    r"\b(?:[Mm]y|[Hh]is|[Hh]er|[Oo]ur|[Yy]our|[Tt]heir|brother|sister|uncle|aunt|cousin|friend|son|daughter|nephew|colleague)"
    r"\s(?:[a-z]{1,12}\s)?$"
)
NEXT = re.compile(r"\s+([A-Za-z'’]+)")


def value(roman: str) -> int:
    """``"VIII"`` -> 8."""
    numbers = [VALUES[c] for c in roman]
    return sum(-n if i + 1 < len(numbers) and n < numbers[i + 1] else n for i, n in enumerate(numbers))


def _pronoun(m: re.Match[str]) -> bool:
    """Whether a lone I behind a word such as part or Charles is the speaker: the part I play."""
    if m["roman"] not in ("I", "i"):
        return False
    head = m["head"].strip()
    following = NEXT.match(m.string, m.end())
    if following is None or head == "World War":
        return False
    word = following[1].replace("’", "'")
    if word.lower() in ONLY_PRONOUN:
        return True
    if head.islower() and word.islower():
        third_person = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "always"))
        return word not in BESIDE_NUMERAL and not third_person
    return KIN.search(m.string, max(0, m.start() - 40), m.start()) is not None and word.islower()


def _part(m: re.Match[str]) -> str | None:
    if not m["roman"] or _pronoun(m):
        return None
    return f"{m['head']}{cardinal(str(value(m['roman'].upper())))}"


def _ruler(m: re.Match[str]) -> str | None:
    if not m["roman"] or _pronoun(m):
        return None
    return f"{m['head']}the {ordinal(str(value(m['roman'])))}"


RULES = (
    Rule("roman.part", Deferred(rf"(?P<head>\b(?:{PARTS})\s){NUMERAL}"), _part, needs=CAPITAL),
    Rule("roman.ruler", Deferred(rf"(?P<head>\b(?:{RULERS})\s){NUMERAL}"), _ruler, needs=CAPITAL),
    Rule(  # John D. Rockefeller III
        "roman.family",
        Deferred(rf"(?P<head>\b(?:{GIVEN})(?: [A-Z]\.)? [A-Z][a-z]{{1,20}},? )(?P<roman>I{{2,3}}|I?V)" + END),
        lambda m: f"{m['head']}the {ordinal(str(value(m['roman'])))}",
        needs=(" I", " V"),
    ),
    Rule(
        "roman.and_first",
        Deferred(r"(?<=[a-z] [VI][VI] and )I(?= of\b|[.,]|\s*$)"),
        lambda _: "the first",
        needs=("and I",),
    ),
    Rule(
        "roman.small",
        Deferred(
            r"(?P<head>\b(?:[Cc]hapter|[Pp]age|[Pp]ages|pp?\.|[Pp]art|[Aa]ct|[Ss]cene|[Vv]olume|[Vv]ol\.|[Ss]ection|[Pp]hase|[Tt]ype"
            r"|[Ss]tage|[Bb]ook) )(?P<roman>(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3}))(?![A-Za-z0-9'’-])"
        ),
        _part,
    ),
    Rule(
        "roman.century",
        Deferred(rf"\b{NUMERAL}(?=\s(?:century|centuries|dynasty)\b)"),
        lambda m: ordinal(str(value(m["roman"]))) if m["roman"] else None,
        needs=("centur", "dynast"),
    ),
    Rule(
        "roman.year",
        Deferred(rf"\b{YEAR}"),
        lambda m: year(str(value(m["roman"]))) if len(m["roman"]) > 3 else None,
        needs=("M",),
    ),
    Rule(
        "roman.bare",
        Deferred(rf"(?<![A-Za-z0-9.'’-])(?=[IVX]{{2}}){BARE}"),
        lambda m: cardinal(str(value(m["roman"]))),
        needs=("I", "V", "X"),
    ),
)
