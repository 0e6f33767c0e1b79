"""The phones a voice is trained on, and the tokenizer file that numbers them."""

from pathlib import Path

MARKS = tuple(",.?!;:")
VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"  # ARPAbet, each with stress 0, 1, 2
CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
INITIALS = "zh ch sh b p m f d t n l g k h j q x r z c s y w"
# Pinyin finals as they are written behind an initial (v is ü), each with tone 1 to 5.
FINALS = (
    "a ai an ang ao e ei en eng er i ia ian iang iao ie in ing iong iu o ong ou u ua uai uan uang ue ui un uo "
    "v ve van vn"
)
PAD, UNKNOWN = "[PAD]", "[UNK]"
STRUCTURE = ("[Stts]", "[spk_emb]", "[empty_spk]", "[Ptts]", "[Sbreak]", "[Pbreak]", "[Ebreak]")
TAGS = ("[uv_break]", "[lbreak]", "[laugh]", *(f"[speed_{n}]" for n in range(10)))


def phone_tokens() -> tuple[str, ...]:
    """Every token that speech is written in: marks, ARPAbet with stress, pinyin initials and finals with tone."""
    arpabet = sorted([f"{vowel}{stress}" for vowel in VOWELS.split() for stress in "012"] + CONSONANTS.split())
    initials = [f"i_{initial}" for initial in INITIALS.split()]
    finals = [f"f_{final}{tone}" for final in FINALS.split() for tone in "12345"]
    return (*MARKS, *arpabet, *initials, *finals)


def vocabulary() -> tuple[str, ...]:
    """All tokens in the order of their ids; the control tokens come last."""
    return (PAD, UNKNOWN, *phone_tokens(), *STRUCTURE, *TAGS)


def write_tokenizer(path: Path) -> None:
    """Write ``tokenizer.json``: a word-level table split at spaces, control tokens added behind it."""
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    plain = (PAD, UNKNOWN, *phone_tokens())
    tokenizer = Tokenizer(WordLevel({token: i for i, token in enumerate(plain)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in (*STRUCTURE, *TAGS)])
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path), pretty=False)
