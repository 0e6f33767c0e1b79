"""Faces drawn of signs, such as (^_^), T_T and (╯°□°)╯︵ ┻━┻: they say nothing."""

import re

from vivace.text.aligned import Aligned, Edit

# A bracket holds a face if nothing in it is a letter or digit of a language we read, and one of its signs is of faces.
_NO_WORD = r"[^()（）\n\u4e00-\u9fffA-Za-z0-9]"
_OF_FACES = r"[\^_▽△∇□ωДд≧≦＾ﾟ゜･｡╥﹏⊙●◕‿✿๑◍ᴗ╯╰￣ﾉノ•̀•́°∀˘˙˚ಠಥ益ヮω]"
_ARM = r"[╯╰╭╮ノﾉヽヾ┻┸┳━─┬┴✧✦☆★♪♡ﾞ゛彡⌒∠ᕕᕗᕙᕤづ︵و]"
_EYES = r"[T;QOo><=^'`*-]"
_FACE = re.compile(
    rf"(?:(?<![A-Za-z])o)?{_ARM}{{0,4}}[(（](?={_NO_WORD}{{0,11}}{_OF_FACES}){_NO_WORD}{{3,12}}[)）]"
    rf"{_ARM}{{0,6}}(?:o(?![A-Za-z]))?[~～*]{{0,3}}(?: ?[︵┻━┸┳┬┴─]{{1,6}}){{0,3}}"
    r"|[\\ヽ]?[(（]\^[oO]\^[)）][/ノﾉ]?"
    rf"|[(（]{_EYES}{{1,2}}[_.wW^]{{1,3}}{_EYES}{{1,2}}[)）]"
    rf"|(?<![A-Za-z0-9_])(?:(?P<eye>[TQOo><;])_{{1,3}}(?:(?P=eye)|[<>])|[-=]_{{1,3}}[-=]|\^[_.oO-]{{0,2}}\^)(?![A-Za-z0-9_])"
)
_HINT = re.compile(_OF_FACES)


def without_faces(written: Aligned) -> Aligned:
    """``written`` without its faces."""
    if not _HINT.search(written.text):
        return written
    edits = [Edit(*m.span(), "") for m in _FACE.finditer(written.text)]
    return written.replace(edits) if edits else written
