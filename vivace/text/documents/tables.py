"""Tables, row by row: of a wide table each cell with the name of its column."""

from vivace.text.documents.parts import PartBuilder

NAMED_FROM = 3  # columns; a table of two reads well without names
RULE = "document.table"
ENDS = frozenset(".!?。！？:：")


class TableReader:
    """Reads the cells of one table into a builder, in order."""

    def __init__(self, builder: PartBuilder) -> None:
        self._builder = builder
        self._names: list[str] = []
        self._column = 0
        self._waiting = ""  # said before the next text of the row
        self._said = False  # whether the row has had text
        self._header = False

    @property
    def silent(self) -> bool:
        """Whether the row at hand is only remembered, to be said with the cells below it."""
        return self._header and len(self._names) == 0 and self._columns >= NAMED_FROM

    def begin_row(self, columns: int, *, header: bool) -> None:
        """Args: ``columns`` of the row; ``header``: they are names."""
        self._columns, self._header = columns, header and not self._names
        self._column, self._waiting, self._said = 0, "", False
        self._heads: list[str] = []
        self._builder.newline()

    def begin_cell(self, text: str) -> None:
        """Args: ``text`` of the whole cell, for a name."""
        if self._header:
            self._heads.append(" ".join(text.split()))
        name = self._names[self._column] if 0 < self._column < len(self._names) else ""
        lead = (": " if name and self._column == 1 else ", ") if self._said else ""
        self._waiting = f"{lead}{name} " if name else lead
        self._column += 1

    def before_text(self) -> None:
        """Text of a cell follows: say what goes before it."""
        self._builder.insert(self._waiting, RULE)
        self._waiting, self._said = "", True

    def end_row(self) -> None:
        """The row ends as a sentence does."""
        if self._header and self._columns >= NAMED_FROM:
            self._names = self._heads
        if self._said and self._builder.last not in ENDS:
            self._builder.insert(".", RULE)
        self._builder.newline()
