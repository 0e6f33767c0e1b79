"""Signs that stand for a word: arrows, the section sign, comparisons of programs; and rules drawn of signs."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.number import cardinal, number

RISEN = re.compile(r"(?:上升|上涨|增长|增加|提高|升高|上调|涨|升|增)[了至到]?\s?$")
FALLEN = re.compile(r"(?:下降|下跌|减少|降低|下滑|下调|跌|降|减)[了至到]?\s?$")
# A way through menus is a list of names, not a journey.
MENU = re.compile(r"(?:点击|点开|点选|选择|打开|进入|依次|设置|菜单|首页|路径)[^。！？，,；\n]{0,40}$")
LOOK_BACK = 48
KEYS = {"↑": "上", "↓": "下", "←": "左", "→": "右"}
ARROW = r"(?:→|⇒|⟶|↦|-{1,3}>|—{1,2}>|=>)"
PROGRAM = {"&&": "并且", "||": "或者", "!=": "不等于", "<=": "小于等于", ">=": "大于等于"}
SECTION = r"[0-9]{1,4}(?:\.[0-9]{1,3}){0,4}"


def _change(m: re.Match[str]) -> str:
    """↑8% as 上升百分之八, 12%↑ as a pause and 上升; nothing behind 上涨, which tells the same."""
    word, told = ("上升", RISEN) if m.group().strip()[0] == "↑" else ("下降", FALLEN)
    start = max(0, m.start() - LOOK_BACK)
    if told.search(m.string, start, m.start()):
        return ""
    return f"，{word}" if re.search(r"[0-9%‰℃]$", m.string[start : m.start()]) else word


def _to(m: re.Match[str]) -> str:
    before = m.string[max(0, m.start() - LOOK_BACK) : m.start()]
    return "，" if MENU.search(before) or before.endswith(("了", "后", "時", "时")) else "到"


def _ratio(m: re.Match[str]) -> str | None:
    """As many names as numbers make a ratio; the colon of 用量：米:水=1:2 is one too many."""
    names, numbers = (len(re.findall("[:：∶]", m[part])) + 1 for part in ("names", "numbers"))
    return "比" if names < numbers else None


def _section(m: re.Match[str]) -> str:
    first, last = _numbered(m["a"]), f"到{_numbered(m['b'])}" if m["b"] else ""
    unit = m["unit"] or ("条" if m.string[m.start() - 1 : m.start()] == "法" else "节")
    return f"第{first}{last}{unit}{'，' if m['title'] else ''}"


def _numbered(numeral: str) -> str:
    return number(numeral) if numeral.count(".") < 2 else "点".join(map(cardinal, numeral.split(".")))


DRAWN = Rule(
    "sign.drawn",
    Deferred(r"\s?([=#~*_+—–-])\1{3,200}\s?"),
    lambda _: " ",
    ("====", "####", "~~~~", "****", "____", "++++", "————", "––––", "----"),
)
WORD_RULES = (DRAWN,)  # for text in which nothing else of these stands
FIRST_RULES = (
    DRAWN,
    Rule("sign.key", Deferred(r"[↑↓←→](?=\s?(?:方向)?键)"), lambda m: KEYS[m.group()], ("键",)),
    Rule("sign.change", Deferred(r"\s?(?:↑{1,9}|↓{1,9})\s?"), _change, ("↑", "↓")),
    Rule(
        "sign.to",
        Deferred(rf"(?<=[\w%℃℉°）)”])\s?{ARROW}\s?(?=[\w￥$€+-]|[（(“])"),
        _to,
        ("→", "⇒", "⟶", "↦", "->", "—>", "=>"),
    ),
    Rule(
        "sign.both_ways",
        Deferred(r"(?<=[\w）)])\s?(?:↔|←\s?→|⇄|⇌|⇔|<-{1,2}>|<=>)\s?(?=[\w（(])"),
        lambda _: "与",
        ("↔", "←", "⇄", "⇌", "⇔", "<-", "<=>"),
    ),
    Rule("sign.equal", Deferred(r"(?<=[\w)\]])\s?={2,3}\s?(?=[\w(\[\"'-])"), lambda _: "等于", ("==",)),
    Rule("sign.rule", Deferred(r"={3,200}"), lambda _: " ", ("===",)),
    Rule(
        "sign.program",
        Deferred(r"\s?(?P<sign>&&|\|\||(?<![0-9])!=|<=|>=)\s?(?![=<>&|])"),
        lambda m: PROGRAM[m["sign"]],
        tuple(PROGRAM),
    ),
    Rule(
        "sign.greater",
        Deferred(r"(?<=[是为用成把有])\s?>(?=\s?(?:[，。；、和或与的而]|$))"),
        lambda _: "大于",
        (">",),
    ),
    Rule("sign.less", Deferred(r"(?<=[是为用成把有])\s?<(?=\s?(?:[，。；、和或与的而]|$))"), lambda _: "小于", ("<",)),
    Rule("sign.ratio", Deferred(r"(?<=\w)\s?∶\s?(?=\w)"), lambda _: "比", ("∶",)),
    Rule(
        "sign.ratio_of",  # 米:水=1:1.2
        Deferred(
            r"(?<=[\u4e00-\u9fffA-Za-z])\s?[:：]\s?(?=(?P<names>[\u4e00-\u9fffA-Za-z]{1,6}(?:\s?[:：][\u4e00-\u9fffA-Za-z]{1,6}){0,4})"
            r"\s?[=＝]\s?(?P<numbers>[0-9.]{1,6}(?:\s?[:：∶]\s?[0-9.]{1,6}){1,5}))"
        ),
        _ratio,
        ("=", "＝"),
    ),
)
RULES = (
    Rule(
        "sign.section",
        Deferred(
            rf"§{{1,2}}\s?(?P<a>{SECTION})(?:\s?[-–~至到]\s?(?P<b>{SECTION}))?(?P<unit>[条款节章])?(?P<title>\s(?=[\u4e00-\u9fff]))?"
        ),
        _section,
        ("§",),
    ),
)
