"""The text of a command: an argument, a file, or stdin."""

import sys
from pathlib import Path

from vivace.errors import InputError


def read_text(text: str | None, file: str | None) -> str:
    """``text``, or the content of ``file``, where ``-`` is stdin.

    Raises:
        InputError: none or both are given, or the file is missing or not UTF-8.
    """
    if (text is None) == (file is None):
        what = "no text" if text is None else "text given twice"
        raise InputError(f"{what}; give either TEXT or -f FILE (-f - for stdin)")
    if file is None:
        return text or ""
    name = "stdin" if file == "-" else repr(file)
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig")  # a byte order mark is no text
    except OSError as exc:
        raise InputError(f"cannot read {name}: {exc.strerror or exc}; give a text file with -f") from exc
    except UnicodeDecodeError as exc:
        raise InputError(
            f"{name} is not UTF-8 text (byte {exc.start} is {content[exc.start]:#04x}); save it as UTF-8"
        ) from exc
