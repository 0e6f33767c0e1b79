"""Literals that a text must contain before a rule is searched: looking for one costs a fifth of a search.

Only what the pattern itself takes, or sees ahead of it: what stands before a span of one language is not looked at.
"""

from dataclasses import replace

from vivace.text.rule import Rule

CLOCK = (":", "：")
HYPHENS = ("-", "–", "—")
QUOTES = ("'", "′")
NEEDS: dict[str, tuple[str, ...]] = {
    "electronic.email": ("@",), "electronic.name": ("@",), "electronic.address": (".", "://"),
    "letters.raised": ("#",), "letters.sharp": ("#",), "letters.and": ("&",), "letters.to": ("2",),
    "letters.grade": ("+", "-", "−", "–"), "year.season": ("/",), "fraction.range": ("/",),
    "cardinal.spaced": (" ",),
    "math.scientific": ("e", "E"), "place.of": ("/",), "identifier.document": ("〕", "）", ")", "]"),
    "identifier.card": (" ",), "identifier.sign_after": ("#",), "identifier.sign_before": ("#",),
    "identifier.color": ("#",), "identifier.topic": ("#",), "identifier.hardware": (":", "-"),
    "identifier.hexadecimal": ("0x",), "identifier.bus": ("路",), "identifier.airliner": ("波音", "空客", "麦道"),
    "identifier.middle_dot": ("·", "•"), "identifier.standard": ("H.",), "identifier.doors": ("-",),
    "identifier.record": ("号",), "identifier.record_part": ("-", "–"),
    "identifier.status": ("返回", "状态码", "错误码", "报", "HTTP"), "identifier.lecture_room": ("教",),
    "identifier.shop": ("7-11",), "identifier.class": ("班",), "identifier.around_the_clock": ("24",),
    "identifier.number": ("No.", "NO.", "no."), "identifier.norm": ("GB", "ISO", "IEC", "RFC", "IEEE", "DIN",
    "HJ", "JB"),
    "identifier.room": ("室", "房", "宿舍", "次列车", "航班", "路", "中学"),
    "date.days": ("月",), "date.day": ("月",), "date.months_beside": ("月",), "date.months": ("月",),
    "date.month": ("月",),
    "date.separated_range": ("/", "."), "date.separated": ("-", "/", "."), "date.year_month": ("-", "/"),
    "date.year_point_month": (".",), "date.slashed": ("/",), "date.short": ("/",), "date.hyphen": ("-",),
    "clock.lasted": CLOCK, "clock.half_first": CLOCK, "clock.range": CLOCK, "clock.time": CLOCK,
    "clock.ratio": (*CLOCK, "∶"), "clock.score": (*CLOCK, "∶"), "clock.minute_mark": QUOTES,
    "clock.pace": QUOTES,
    "clock.seconds": ("秒",), "clock.duration": ("h",), "clock.half_days": ("m", "M"), "clock.hour": ("m", "M"),
    "clock.hours": ("点", "时"), "clock.spoken": ("点", "时"), "clock.score_hyphen": HYPHENS,
    "clock.score_behind": HYPHENS,
    "money.per_unit": ("/",), "money.per_time": ("/",), "money.per": ("/",), "money.kuai": ("块",),
    "percent.signed_words": ("分之",), "percent.more": ("%", "‰"), "percent.range": ("%", "‰"),
    "percent.one": ("%", "‰"),
    "telephone.landline_abroad": ("86",), "telephone.extension": ("转", "ext", "分机"),
    "telephone.service": ("400", "800"), "telephone.international": ("+",),
    "telephone.named": ("电话", "手机", "座机", "传真", "热线", "致电", "联系方式", "el", "TEL"),
    "version.ip": (".",), "version.named": (".",), "version.dotted": (".",), "version.word": (".",),
    "year.before_range": ("公元", "西元"), "year.common": ("公元", "西元"), "year.before_christ": ("公元", "西元"),
    "year.range_two": ("年",), "year.range": ("年", "赛季"), "year.decade_s": ("s",), "year.decades": ("年代",),
    "year.decade": ("年代",), "year.two": ("年",), "year.two_alone": ("年",), "year.generations": ("后",),
    "year.generation": ("后",), "measure.scientific": ("10",), "measure.angle": ("°",), "measure.feet": QUOTES,
    "measure.scaled_range": ("w", "k", "W", "K"), "measure.scaled": ("w", "k", "W"), "measure.discount": ("折",),
    "measure.per_hundred": ("/100",), "measure.height": ("米",), "code.range": (*HYPHENS, "~", "～"),
    "code.hyphen": ("-", "–"), "range.about": ("~", "～", "≈"), "range.sign": ("~", "～"),
    "fraction.pressure": ("血压",),
    "fraction.mixed": ("/",), "fraction": ("/", "⁄"), "math.root_power": ("√",), "math.root": ("√",),
    "math.times": ("x", "X"), "math.minus": ("=", "＝"), "math.power": ("^", "²", "³"), "math.exponent": ("^",),
    "math.factorial": ("!",), "math.absolute": ("|",), "cardinal.adjacent": ("、", ",", "，"),
    "cardinal.list": (".", "．"),
    "cardinal.ordinal": ("第",), "cardinal.plus": ("+",), "cardinal.positive": ("+",),
    "cardinal.point_first": (".",),
}  # fmt: skip


def with_needs(rule: Rule) -> Rule:
    """The rule, searched for only in a text that holds one of its literals."""
    return replace(rule, needs=NEEDS[rule.name]) if rule.name in NEEDS else rule
