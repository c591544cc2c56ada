"""How Word writes the numbers of its lists: letters, Roman, and the numerals of other scripts."""
# ruff: noqa: RUF001 - the numerals of other scripts are meant

from collections.abc import Callable

from adapters.parsing.shared.numerals import added, lettered, roman

_MOST = 100_000  # a number above this is written in figures whatever is asked for
_REPEATED = 30  # letters: past this a repeated letter says nothing to anybody

_AIUEO = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
)
_IROHA = (
    "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス"
)
# After the last one the letters are doubled, tripled and so on, as Word does: z, aa, bb.
_LETTERS = {
    "lowerLetter": "abcdefghijklmnopqrstuvwxyz",
    "upperLetter": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "russianLower": "абвгдежзиклмнопрстуфхцчшщыэюя",
    "russianUpper": "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ",
    "arabicAlpha": "أبتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "arabicAbjad": "أبجدهوزحطيكلمنسعفصقرشتثخذضظغ",
    "hebrew2": "אבגדהוזחטיכלמנסעפצקרשת",
    "thaiLetters": "กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ",
    "ganada": "가나다라마바사아자차카타파하",
    "chosung": "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ",
    "aiueo": _AIUEO,
    "aiueoFullWidth": _AIUEO,
    "iroha": _IROHA,
    "irohaFullWidth": _IROHA,
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥",
    "chicago": "*†‡§",
}
_ENCLOSED = {
    "decimalEnclosedCircle": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "decimalEnclosedCircleChinese": "①②③④⑤⑥⑦⑧⑨⑩",
    "ideographEnclosedCircle": "㊀㊁㊂㊃㊄㊅㊆㊇㊈㊉",
}
_FIGURES = {
    "decimalFullWidth": "０１２３４５６７８９",
    "decimalFullWidth2": "０１２３４５６７８９",
    "ideographDigital": "〇一二三四五六七八九",
    "japaneseDigitalTenThousand": "〇一二三四五六七八九",
    "taiwaneseDigital": "○一二三四五六七八九",
    "koreanDigital": "영일이삼사오육칠팔구",
    "koreanDigital2": "零一二三四五六七八九",
    "hindiNumbers": "०१२३४५६७८९",
    "thaiNumbers": "๐๑๒๓๔๕๖๗๘๙",
}
_COUNTING = frozenset(
    {"chineseCounting", "chineseCountingThousand", "japaneseCounting", "taiwaneseCounting"}
    | {"taiwaneseCountingThousand", "koreanCounting"}
)
_HEBREW = (
    (400, "ת"), (300, "ש"), (200, "ר"), (100, "ק"), (90, "צ"), (80, "פ"), (70, "ע"), (60, "ס"),
    (50, "נ"), (40, "מ"), (30, "ל"), (20, "כ"), (16, "טז"), (15, "טו"), (10, "י"), (9, "ט"),
    (8, "ח"), (7, "ז"), (6, "ו"), (5, "ה"), (4, "ד"), (3, "ג"), (2, "ב"), (1, "א"),
)  # fmt: skip
_MOST_HEBREW = 999
_MOST_COUNTED = 9999


def numeral(number: int, form: str, *, width: int = 0) -> str:
    """
    Write *number* in the form that a `w:numFmt` names (ECMA-376, 17.18.59).

    An unknown form, or a number that a form has no sign for, is written in figures. *width* is the
    least number of figures.
    """
    if 0 < number <= _MOST:
        if form in _LETTERS:
            return lettered(number, _LETTERS[form], most=_REPEATED)
        if form in _ENCLOSED and number <= len(_ENCLOSED[form]):
            return _ENCLOSED[form][number - 1]
        if form in _COUNTING and number <= _MOST_COUNTED:
            return _counted(number, chinese=form[0] in "ct")
        if form in _WRITERS:
            return _WRITERS[form](number)
    if form in _FIGURES:
        return "".join(_FIGURES[form][int(figure)] for figure in str(abs(number)))
    return f"{number:0{width}d}"


def _hebrew(number: int) -> str:
    """Return a Hebrew numeral."""
    return added(number, _HEBREW) if number <= _MOST_HEBREW else str(number)


def _counted(number: int, *, chinese: bool) -> str:
    """Return a number as it is counted: 一百零五 in Chinese, 百五 elsewhere."""
    figures = "零一二三四五六七八九"
    written = ""
    for value, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        figure, number = divmod(number, value)
        if figure:
            one = figure == 1 and unit and (not chinese or (unit == "十" and not written))
            written += ("" if one else figures[figure]) + unit
        elif chinese and written and number and not written.endswith("零"):
            written += "零"
    return written


def _ordinal(number: int) -> str:
    """Return an English ordinal: 1st, 2nd, 11th."""
    teen = number // 10 % 10 == 1
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


_WRITERS: dict[str, Callable[[int], str]] = {
    "upperRoman": lambda number: roman(number).upper(),
    "lowerRoman": roman,
    "ordinal": _ordinal,
    "decimalZero": lambda number: f"{number:02d}",
    "hebrew1": _hebrew,
    "hex": lambda number: f"{number:X}",
    "numberInDash": lambda number: f"- {number} -",
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
}
