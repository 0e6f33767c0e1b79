"""Written forms that several Chinese rules share, as regular expressions."""

from vivace.text.tables import alternatives, rows

COUNTED = alternatives([row[0] for row in rows("zh_counted")])  # 2 is 两 before these
_COUNTS = "元人个件名位万亿台辆吨块条张份本只次套家户座米"  # few: this is compiled into every rule
# A wide comma between two numbers alone is a comma: V6，120km/h. In 共1，234元 it groups, by what stands around.
_WIDE_COMMA = (
    rf"(?:(?<=[共计约达为近超额价款资入出：:])[0-9]{{1,3}}，[0-9]{{3}}(?=(?:\.[0-9]{{1,4}})?\s?[{_COUNTS}])"
    r"|(?<=[￥$€£])[0-9]{1,3}，[0-9]{3}(?![0-9]))"
)
# 25 000 km, 2 300个: a space groups only before a unit.
_SPACED = (
    r"(?<![0-9A-Za-z.] )(?<![0-9A-Za-z.])[1-9][0-9]{0,2}(?: [0-9]{3}){1,4}"
    rf"(?=(?:\.[0-9]{{1,4}})?\s?(?:[{_COUNTS}℃㎡]|公[里斤]|[A-Za-zμ]{{1,4}}[²³]?(?![A-Za-z0-9])))"
)
# 12 · 1,234 · 3.50
_GROUPED = r"[0-9]{1,3}(?:(?:,[0-9]{3}){1,6}|(?:，[0-9]{3}){2,6})(?![0-9])"
_RARE = rf"(?=[0-9]{{1,3}}[ ，][0-9]{{3}})(?:{_SPACED}|{_WIDE_COMMA})"
NUMERAL = rf"(?:{_RARE}|{_GROUPED}|[0-9]{{1,400}})(?:\.[0-9]{{1,400}})?"
# What the first end of a range may end with: 5元-10元.
ENDS = "元块角分年月日号点时秒个人岁米克升里天位名度倍万亿千百斤吨本件只层楼级期页章句℃℉%‰°"
LONG_ENDS = ("公里", "小时", "分钟", "千克", "公斤", "厘米", "毫米", "个月", "平米", "美元", "周岁")
_NO_LONG_END = "".join(f"(?<![0-9]{end})" for end in LONG_ENDS)
# A minus sign, not the hyphen of GPT-4 or of 3-5.
SIGN = rf"(?:(?<![0-9A-Za-z)）])(?<![0-9][{ENDS}]){_NO_LONG_END}(?<![-–—])[-−–])?"
TO = r"\s{0,20}(?:[-–—−~～]{1,20}|至|到)\s{0,20}"  # between the ends of a range
