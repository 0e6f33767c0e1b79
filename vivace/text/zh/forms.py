"""Written forms that several Chinese rules share, as regular expressions."""

NUMERAL = r"(?:[0-9]{1,3}(?:[,，][0-9]{3}){1,6}(?![0-9])|[0-9]+)(?:\.[0-9]+)?"  # 12 · 1,234 · 3.50
FREE = r"(?<![0-9A-Za-z.])"  # no letter, digit or point right before: not the middle of a code
SIGN = r"(?:(?<![0-9A-Za-z)）])[-−])?"  # a minus sign, not the hyphen of GPT-4 or of 3-5
TO = r"\s*(?:[-–—−~～]+|至|到)\s*"  # between the ends of a range
MAGNITUDE = r"[十百千万亿兆]"
COUNTED = (  # 2 is 两 before these
    "个|位|名|条|只|张|本|件|辆|台|部|家|次|遍|回|场|趟|把|座|栋|幢|间|套|双|对|副|杯|碗|瓶|盒|箱|包|袋|块|片|颗|粒|棵|株|朵|根|支|枝"
    "|门|首|篇|句|段|章节|页纸|项|类|种|份|群|批|排|层|头|匹|艘|架|枚|幅|封|顿|节课|届|口|岁|倍|人|天|年|周|星期|小时|分钟|秒|米|厘米"
    "|毫米|公里|千米|英里|海里|尺|寸|公斤|千克|克|吨|斤|升|毫升|元|块|毛|角|分钱|度|平方|立方|万|亿|千|百|码|点半|行|列|步|声|下|代|组|队|伙|股|滴|道|盘|盆|成|寸|晚|夜|款|集|级台阶|票|桌|席|笔|起|宗|所|扇|面|顶|轮"
)
