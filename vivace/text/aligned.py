"""Text that remembers where in the written text each of its characters came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edit:
    """Read ``text[start:end]`` as ``spoken``, by the rule of that name."""

    start: int
    end: int
    spoken: str
    rule: str = ""


@dataclass(frozen=True)
class Note:
    """An edit that was made, with its half-open span in the written text."""

    start: int
    end: int
    spoken: str
    rule: str


@dataclass(frozen=True)
class Aligned:
    """A text and, per character, the half-open span of the written text behind it."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    notes: list[Note] | None = field(default=None, compare=False, repr=False, kw_only=True)  # of edits, where asked for

    @classmethod
    def of(cls, written: str, notes: list[Note] | None = None) -> "Aligned":
        """The written text itself; edits of it are noted in ``notes``."""
        return cls(written, range(len(written)), range(1, len(written) + 1), notes=notes)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The written span behind ``text[start:end]``; an empty span sits before the next character."""
        if start >= end:
            position = self.starts[start] if start < len(self.text) else (self.ends[-1] if self.text else 0)
            return position, position
        return self.starts[start], max(self.starts[start], self.ends[end - 1])

    def slice(self, start: int, end: int) -> "Aligned":
        """The part ``text[start:end]``; spans still count from the start of the whole written text."""
        return Aligned(self.text[start:end], self.starts[start:end], self.ends[start:end], notes=self.notes)

    def replace(self, edits: Iterable[Edit]) -> "Aligned":
        """The text after ``edits``, which are in order and do not overlap; every new character gets its edit's span."""
        texts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for edit in edits:
            if edit.start < position:
                raise ValueError(f"edit at {edit.start} starts before {position}, where the last one ended")
            texts.append(self.text[position : edit.start])
            starts += self.starts[position : edit.start]
            ends += self.ends[position : edit.start]
            start, end = self.span(edit.start, edit.end)
            if self.notes is not None:
                self.notes.append(Note(start, end, edit.spoken, edit.rule))
            texts.append(edit.spoken)
            starts += [start] * len(edit.spoken)
            ends += [end] * len(edit.spoken)
            position = edit.end
        if not texts:
            return self
        texts.append(self.text[position:])
        starts += self.starts[position:]
        ends += self.ends[position:]
        return Aligned("".join(texts), starts, ends, notes=self.notes)
