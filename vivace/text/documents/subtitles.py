"""Subtitles by their grammar: SubRip (.srt), WebVTT (.vtt) and lyrics (.lrc). Time codes and settings say nothing."""

import re

from vivace.text.documents.parts import DocumentPart, PartBuilder
from vivace.text.language import HAN

TIME = r"(?:[0-9]{1,3}:)?[0-9]{1,2}:[0-9]{2}[.,][0-9]{1,3}"
CUE = re.compile(rf"[ \t]*{TIME}[ \t]*-->[ \t]*{TIME}(?:[ \t][^\n]*)?$")
LYRIC = re.compile(r"[ \t]*(?:\[[0-9]{1,3}:[0-9]{2}(?:[.:][0-9]{1,3})?\][ \t]*)+")
LYRIC_TAG = re.compile(r"[ \t]*\[(?:ti|ar|al|by|au|lr|re|ve|offset|length|#)[ \t]*:[^\n\]]*\][ \t]*$", re.IGNORECASE)
NUMBER = re.compile(r"[ \t]*[0-9]{1,6}[ \t]*$")
HEADER = re.compile(r"\ufeff?WEBVTT(?:[ \t][^\n]*)?$")
SILENT_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
MARKUP = re.compile(
    rf"</?[A-Za-z][^<>\n]{{0,200}}>|<{TIME}>|<[0-9]{{1,2}}:[0-9]{{2}}(?:[.:][0-9]{{1,3}})?>|\{{\\[^{{}}\n]{{0,200}}\}}"
    r"|^[ \t]*[-–][ \t]+|&(?:amp|lt|gt|nbsp|lrm|rlm|quot|#[0-9]{1,7});"
)
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&quot;": '"'}
ENDED = re.compile(r"[.!?。！？…♪]['\"”’」』)）]*\s*$")
UNSPACED = re.compile(f"[{HAN}，。、；：！？]")
# The beginning of a text that is one: a cue with its number, a cue, the header, or the time of a line of a song.
START = re.compile(
    rf"\s*(?:\ufeff?WEBVTT(?:[ \t\n]|$)|(?:[0-9]{{1,6}}[ \t]*\r?\n)?[ \t]*{TIME}[ \t]*-->[ \t]*{TIME}"
    r"|\[[0-9]{1,3}:[0-9]{2}(?:[.:][0-9]{1,3})?\]"
    r"|\[(?:ti|ar|al|by|au|re|ve|offset|length)[ \t]*:[^\n\]]{0,200}\][ \t]*\r?\n)"
)
MAY_BE_TAG = re.compile(r"\[(?:ti|ar|al|by|au|re|ve|offset|length)[ \t]*:")


def subtitle_parts(source: str, start: int, end: int) -> list[DocumentPart]:
    """The spoken lines of ``source[start:end]``; a sentence that goes on in the next cue stays one line."""
    builder = PartBuilder(source, start, end, "document.time_code")
    lyrics = _is_lyrics(source[start : start + 320])
    silent = in_cue = False
    position = start
    while position < end:
        stop = source.find("\n", position, end)
        stop = end if stop < 0 else stop
        line = source[position:stop].rstrip("\r")
        following = min(stop + 1, end)
        if not line.strip():
            silent = in_cue = False
        elif (HEADER.match(line) and position == start) or (SILENT_BLOCK.match(line) and not in_cue):
            silent = True
        elif CUE.match(line):
            silent, in_cue = False, True
        elif lyrics:
            if not LYRIC_TAG.match(line):
                builder.newline()
                _line(builder, position, line)
        elif not silent and (in_cue or not (NUMBER.match(line) or _before_cue(source, following, end))):
            _line(builder, position, line)
        builder.skip(following)
        position = following
    return builder.parts


def _is_lyrics(beginning: str) -> bool:
    return beginning.lstrip().startswith("[")


def _before_cue(source: str, position: int, end: int) -> bool:
    """Whether the line at ``position`` gives the times of a cue: the line before it is the cue's name."""
    stop = source.find("\n", position, end)
    return CUE.match(source[position : end if stop < 0 else stop].rstrip("\r")) is not None


def _line(builder: PartBuilder, position: int, line: str) -> None:
    """One spoken line, behind what was spoken before."""
    lyric = LYRIC.match(line)
    begin = lyric.end() if lyric else 0
    builder.skip(position + begin)
    said: list[tuple[int, int, str | None]] = []  # kept spans, and entities with what they stand for
    last = begin
    for match in MARKUP.finditer(line, begin):
        said += [(last, match.start(), None)] if match.start() > last else []
        if match.group() in ENTITIES:
            said.append((*match.span(), ENTITIES[match.group()]))
        last = match.end()
    said += [(last, len(line), None)] if len(line) > last else []
    if not any(line[a:b].strip() for a, b, _ in said):
        return
    dialogue = re.match(r"[ \t]*[-–][ \t]", line) is not None
    first = next(line[a:b].strip()[0] for a, b, _ in said if line[a:b].strip())
    if builder.last not in ("", "\n"):
        if dialogue or ENDED.search(_tail(builder)):
            builder.newline()
        elif not (UNSPACED.match(builder.last) and UNSPACED.match(first)) and builder.last != " ":
            builder.insert(" ", "document.wrap")
    for a, b, decoded in said:
        builder.skip(position + a)
        if decoded is None:
            builder.keep(position + b)
        else:
            builder.replace(position + b, decoded, "document.entity")


def _tail(builder: PartBuilder) -> str:
    return "".join(part.text for part in builder.parts[-4:])[-20:]
