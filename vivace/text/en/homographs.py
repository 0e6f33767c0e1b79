"""Words with two pronunciations, told apart by the words around them.

``data/en_homographs.tsv`` lists readings with conditions, the first row that holds gives the phones;
``data/en_noun_verb.tsv`` lists pairs such as a record and to record, for which ``is_verb`` decides.

A condition is ``place=words``; several are joined by ``&``, and ``!`` before one denies it. Places: ``last`` and
``next``, the words beside it; ``second``, the one before the last; ``beyond``, the one after the next; ``before``, the
nearest word before it that is no adverb; ``near``, any word up to ``NEAR`` away; ``name=``, whether the last word is a
name; ``perfect=``, whether have belongs to it, as in "have you ever read"; ``title=``, whether it has a capital that
no sentence begins with. Words are separated by ``|``; one in angle brackets names a class below, ``-ing`` is any word
with that ending, an empty one is a pause or the end of the text.
"""

from collections.abc import Callable, Sequence
from functools import cache

from vivace.text.tables import rows

NEAR = 8
_CLASSES = {
    "modal": "to will would can could may might must should shall do does did don't didn't doesn't won't can't cannot"
    " couldn't wouldn't shouldn't let's let please help helps helped i'll you'll we'll they'll he'll she'll it'll i'd"
    " you'd we'd they'd he'd she'd gonna wanna",
    "many": "i you we they who these those people men women children both",
    "one": "he she it who that which everyone everybody nobody someone somebody",
    "determiner": "a an the this that these those my your his her its our their no any some every each another whose"
    " what which one two three four five six seven eight nine ten few many several other such all more most",
    "article": "a an the my your his her its our their every each another this that",
    "preposition": "of in on at for with from by about into over under after before through during without against"
    " between as per like than",
    "have": "has have had having i've you've we've they've he's she's it's who've haven't hasn't hadn't",
    "be": "am is are was were be been being it's he's she's i'm you're we're they're that's isn't aren't wasn't weren't"
    " get gets got getting become becomes became seem seems seemed feel feels felt remain remains remained",
    "object": "a an the this that these those my your his her its our their me him us them it you some any every each"
    " all both everything something anything nothing what how himself herself itself myself themselves",
    "adverb": "never just also always already often usually sometimes not ever still even now then only recently"
    " finally actually really probably soon once all both",
    "past": "yesterday ago last earlier previously",
}
CLASSES = {name: frozenset(words.split(" ")) for name, words in _CLASSES.items()}
ADVERBS = CLASSES["adverb"] | {"yet", "all", "both", "each", "first", "since", "perhaps", "maybe", "long"}
HAVE = frozenset(("have", "has", "had", "haven't", "hasn't", "hadn't", "having"))
SUBJECTS = frozenset(
    (  # noqa: SIM905
        "i you we they he she it anyone anybody everyone everybody someone somebody nobody people those these many few"
        " most some any who"
    ).split()
)
AND = frozenset(("and", "or", "but", "then", "so", "when", "if", "because", "while", "after", "before", "as"))
NO_PLURAL = ("'s", "ss", "us", "is", "as")  # endings of words that are no plural


class WordContext:
    """The words around one word, in lower case."""

    def __init__(self, words: Sequence[str], index: int) -> None:
        """Words that are no English ones, marks among them, are empty."""
        self.words = words
        self.index = index

    def at(self, offset: int) -> str:
        """The word ``offset`` places on, empty outside the text."""
        place = self.index + offset
        return self.words[place].lower() if 0 <= place < len(self.words) else ""

    def before(self) -> str:
        """The nearest word before that is no adverb."""
        offset = -1
        while (word := self.at(offset)) in CLASSES["adverb"] or (word.endswith("ly") and len(word) > 5):
            offset -= 1
        return word

    def perfect(self) -> bool:
        """Whether a form of have is before it, with no more than adverbs and a subject between."""
        offset = self._passed(-1, ADVERBS)
        if self.at(offset) in CLASSES["have"]:
            return True
        if self.at(offset) in SUBJECTS or self._name(offset):
            offset -= 1
        elif self.at(offset) and self.at(offset - 1) in CLASSES["article"]:
            offset -= 2
        else:
            return False
        return self.at(self._passed(offset, ADVERBS)) in HAVE

    def titled(self) -> bool:
        """Whether it is written with a capital in the middle of a sentence, and the words beside it are not."""
        word = self.words[self.index]
        return word[:1].isupper() and not word.isupper() and self.at(-1) != ""

    def _passed(self, offset: int, words: frozenset[str]) -> int:
        """The place of the first word from ``offset`` backwards that is not among ``words``, nor an adverb in -ly."""
        while (word := self.at(offset)) in words or (word.endswith("ly") and len(word) > 5):
            offset -= 1
        return offset

    def _name(self, offset: int) -> bool:
        place = self.index + offset
        return 0 <= place < len(self.words) and self.words[place][:1].isupper()

    def near(self) -> list[str]:
        """The words of the sentence up to ``NEAR`` away."""
        return [self.at(offset) for offset in range(-NEAR, NEAR + 1) if offset]

    def after_name(self) -> bool:
        """Whether the word before is a name: Mary read it."""
        word = self.words[self.index - 1] if self.index else ""
        return (
            word[:1].isupper()
            and not word.isupper()
            and not word.endswith("s")
            and not any(word.lower() in words for words in (*CLASSES.values(), AND))
        )


Condition = Callable[[WordContext], bool]
TESTS: dict[str, Condition] = {
    "name": WordContext.after_name,
    "perfect": WordContext.perfect,
    "title": WordContext.titled,
}


def choose(words: Sequence[str], index: int) -> tuple[str, ...] | None:
    """Phones of a homograph by the words around it; None for every other word."""
    word = words[index].lower()
    listed = _listed().get(word)
    pair = _pairs().get(word)
    if listed is None and pair is None:
        return None
    context = WordContext(words, index)
    for conditions, phones in listed or ():
        if all(condition(context) for condition in conditions):
            return phones
    if pair is None:
        return None
    noun, verb, otherwise = pair
    decided = is_verb(context, third_person=word.endswith("s") and not word.endswith("ss"))
    return verb if (decided if decided is not None else otherwise == "verb") else noun


def is_verb(context: WordContext, *, third_person: bool) -> bool | None:
    """Whether a word that is a noun or an adjective as well is a verb here; None if nothing tells."""
    before, last, following = context.before(), context.at(-1), context.at(1)
    objected = following in CLASSES["object"]
    if third_person:  # records, objects
        if last in CLASSES["determiner"] - {"that", "which"} or last in CLASSES["preposition"]:
            return False
        return True if before in CLASSES["one"] or context.after_name() or objected else None
    if before in CLASSES["modal"]:
        return not (before == "to" and context.at(-2) in ("due", "according", "compared", "thanks", "from"))
    if last in CLASSES["determiner"] and last not in ("who", "which"):
        return False
    if before in CLASSES["many"] - {"these", "those"}:
        return True
    if context.at(-2) in ("a", "an") and last not in AND:
        return False  # a sharp increase
    if last in CLASSES["preposition"] or last in CLASSES["be"] or last.endswith("'s"):
        return False
    plural = last.endswith("s") and not last.endswith(NO_PLURAL)
    if objected and (plural or last in AND or not last):
        return True  # scientists record the, and record it, Record this
    return None


def _condition(written: str) -> Condition:
    """``"last=a|<be>"`` as a test."""
    denied = written.startswith("!")
    place, _, listed = written.removeprefix("!").partition("=")
    if place in TESTS:
        test = TESTS[place]
        return lambda context: test(context) != denied
    wanted: set[str] = set()
    endings: list[str] = []
    for word in listed.split("|"):
        if word.startswith("<"):
            wanted |= CLASSES[word.strip("<>")]
        elif word.startswith("-"):
            endings.append(word[1:])
        else:
            wanted.add(word)
    ending = tuple(endings)

    def holds(context: WordContext) -> bool:
        if place == "near":
            found = any(
                word in wanted or (ending and len(word) > 4 and word.endswith(ending)) for word in context.near()
            )
        else:
            offsets = {"last": -1, "next": 1, "beyond": 2, "second": -2}
            word = context.before() if place == "before" else context.at(offsets[place])
            found = word in wanted or bool(ending and word.endswith(ending))
        return found != denied

    return holds


@cache
def _listed() -> dict[str, list[tuple[tuple[Condition, ...], tuple[str, ...]]]]:
    """Word -> its rows, each with its conditions (none for ``*``) and its phones."""
    table: dict[str, list[tuple[tuple[Condition, ...], tuple[str, ...]]]] = {}
    for word, conditions, phones in rows("en_homographs"):
        tests = () if conditions == "*" else tuple(_condition(c) for c in conditions.split("&"))
        table.setdefault(word, []).append((tests, tuple(phones.split(" "))))
    return table


@cache
def _pairs() -> dict[str, tuple[tuple[str, ...], tuple[str, ...], str]]:
    """Word -> phones as a noun or an adjective, phones as a verb, and which one it is where nothing tells."""
    return {
        word: (tuple(noun.split(" ")), tuple(verb.split(" ")), otherwise)
        for word, noun, verb, otherwise in rows("en_noun_verb")
    }
