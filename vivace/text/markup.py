"""Control tags of the ChatTTS family, such as ``[laugh]`` and ``[uv_break]``: they are passed through, never read."""

import re

TAGS = frozenset(
    (
        *("[uv_break]", "[v_break]", "[lbreak]", "[llbreak]", "[laugh]", "[music]", "[pure]", "[undefine]"),
        *(f"[break_{n}]" for n in range(8)),
        *(f"[laugh_{n}]" for n in range(3)),
        *(f"[oral_{n}]" for n in range(10)),
        *(f"[speed_{n}]" for n in range(10)),
    )
)
TAG = re.compile("|".join(re.escape(tag) for tag in sorted(TAGS)))


def tag_spans(text: str) -> list[tuple[int, int]]:
    """Half-open spans of the control tags; any other bracket, closed or not, is ordinary text."""
    return [m.span() for m in TAG.finditer(text)] if "[" in text else []
