"""Numbers and dates as a spreadsheet shows them: the format codes of ECMA-376, part 1, 18.8.30."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from functools import lru_cache

#: Format codes by the ids that files do not spell out. Which day comes first in 14 and 22 depends
#: on who looks at them, so they are written in the one way that nobody misreads.
BUILT_IN: dict[int, str] = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0;-$#,##0",
    6: "$#,##0;-$#,##0", 7: "$#,##0.00;-$#,##0.00", 8: "$#,##0.00;-$#,##0.00", 9: "0%", 10: "0.00%",
    11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm",
    17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd hh:mm", 37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)", 41: "#,##0;-#,##0;-", 42: "$#,##0;-$#,##0;-",
    43: "#,##0.00;-#,##0.00;-", 44: "$#,##0.00;-$#,##0.00;-", 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys(range(32, 36), "h:mm:ss"),
}  # fmt: skip

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_.|\*.'
    r"|\[(?P<bracket>[^\]]*)\]"
    r"|(?P<general>General)|(?P<half>AM/PM|A/P)|(?P<second>ss?\.0+)"
    r"|(?P<date>y+|m+|d+|h+|s+|e+(?![+-])|g+|b+)"
    r"|(?P<exponent>e[+-])|(?P<digit>[0#?])|(?P<mark>[.,%/@])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)$")
_ELAPSED = re.compile(r"(h+|m+|s+)$", re.IGNORECASE)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LAST_DAY = 2_958_466  # 1 January 10000, the first serial that is no date
_LEAP_BUG = 60  # the serial of 29 February 1900, a day that never was
_MOST_CODE = 255
_MOST_DECIMALS = 30
_LARGE = 1e21  # from here on digits are not written out
_HALF_DAY = 12


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the parts of a code that semicolons divide: tokens of (kind, text)."""

    tokens: tuple[tuple[str, str], ...]
    condition: tuple[str, float] | None = None

    @property
    def is_date(self) -> bool:
        return any(kind in ("date", "elapsed", "second", "half") for kind, _ in self.tokens)

    def holds(self, value: float) -> bool:
        """Return True if *value* meets the section's own condition."""
        sign, bound = self.condition or ("", 0.0)
        return {
            "<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound,
            "=": value == bound, "<>": value != bound,
        }.get(sign, False)  # fmt: skip


def formatted(value: float, code: str, *, from_1904: bool = False) -> str:
    """Return *value* as the format *code* shows it; dates are serials from 1900 or 1904."""
    sections = _sections(code[:_MOST_CODE])
    section, signed = _chosen(sections, value)
    if not code.strip() or abs(value) >= _LARGE:
        return general(value)
    if any(kind == "general" for kind, _ in section.tokens):
        plain = general(value if signed else abs(value))
        return "".join(plain if kind == "general" else text for kind, text in section.tokens)
    if section.is_date:
        return _date(value, section, from_1904=from_1904)
    try:
        return _number(value, section, signed=signed).strip()
    except (InvalidOperation, OverflowError, ValueError):
        return general(value)


def general(value: float) -> str:
    """Return a number without any format: fifteen digits, as a spreadsheet keeps them."""
    whole = abs(value) < _LARGE and value == int(value)
    return str(int(value)) if whole else f"{value:.15g}"


def is_date(code: str) -> bool:
    """Return True if *code* shows a number as a date or a time."""
    return any(section.is_date for section in _sections(code[:_MOST_CODE]))


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[_Section, ...]:
    """Take a code apart."""
    sections: list[_Section] = []
    tokens: list[tuple[str, str]] = []
    condition = None
    for match in _TOKEN.finditer(code + ";"):
        kind, text = match.lastgroup or "", match[match.lastgroup] if match.lastgroup else ""
        if kind == "other" and text == ";":
            sections.append(_Section(tuple(tokens), condition))
            tokens, condition = [], None
        elif kind == "bracket":
            if found := _CONDITION.match(text):
                condition = (found[1], float(found[2]))
            elif _ELAPSED.match(text):
                tokens.append(("elapsed", text.lower()))
            elif text.startswith("$"):
                tokens.append(("text", text[1:].rpartition("-")[0] if "-" in text else text[1:]))
        elif kind in ("quoted", "escaped", "other"):
            tokens.append(("text", text))
        elif not kind and match[0][0] == "_":
            tokens.append(("text", " "))
        elif kind:
            tokens.append((kind, text.lower() if kind in ("date", "second") else text))
    return tuple(sections)


def _chosen(sections: tuple[_Section, ...], value: float) -> tuple[_Section, bool]:
    """Return the section for *value*, and whether the sign has to be written."""
    if any(section.condition for section in sections):
        for section in sections[:3]:
            if section.holds(value):
                return section, value < 0 and section is sections[0]
        rest = [section for section in sections[:3] if not section.condition]
        return (rest or list(sections))[-1 if value < 0 else 0], value < 0
    if value < 0 and len(sections) > 1:
        return sections[1], False
    if value == 0 and len(sections) > 2:  # noqa: PLR2004 - positive, negative, zero
        return sections[2], False
    return sections[0], value < 0


def _number(value: float, section: _Section, *, signed: bool) -> str:
    """Return a number by a section without any date."""
    kinds = [text if kind == "mark" else kind for kind, text in section.tokens]
    if "digit" not in kinds:
        body = "".join(text for kind, text in section.tokens if kind == "text")
        return ("-" if signed and value else "") + (general(abs(value)) if "@" in kinds else body)
    if "/" in kinds and "." not in kinds:
        return general(value)  # a fraction: its value says as much
    amount = abs(Decimal(repr(value))).scaleb(2 * kinds.count("%"))
    exponent = kinds.index("exponent") if "exponent" in kinds else None
    if exponent is not None:
        digits = sum(kind == "digit" for kind in kinds[_point(kinds) : exponent])
        return f"{'-' if value < 0 else ''}{amount:.{digits}E}"
    last = max(at for at, kind in enumerate(kinds) if kind == "digit")
    scale = 0
    while last + 1 + scale < len(kinds) and kinds[last + 1 + scale] == ",":
        scale += 1
    places = min(kinds[_point(kinds) :].count("digit"), _MOST_DECIMALS)
    with localcontext() as context:
        context.prec = 400
        amount = amount.scaleb(-3 * scale).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    sign = "-" if signed and amount else ""
    return sign + _filled(section.tokens, kinds, f"{amount:f}")


def _point(kinds: list[str]) -> int:
    """Return where the decimals of a section begin."""
    return kinds.index(".") if "." in kinds else len(kinds)


def _filled(tokens: tuple[tuple[str, str], ...], kinds: list[str], amount: str) -> str:
    """Put the digits of *amount* where the tokens want them."""
    whole, _, decimals = amount.partition(".")
    point = _point(kinds)
    places = [at for at, kind in enumerate(kinds) if kind == "digit"]
    left = [at for at in places if at < point]
    thousands = "," in kinds[min(left) : max(left)] if left else False
    needed = next((len(left) - n for n, at in enumerate(left) if tokens[at][1] == "0"), 0)
    whole = whole.lstrip("0").rjust(needed, "0")
    optional = sum(1 for at in places if at > point and tokens[at][1] != "0")
    while optional and decimals.endswith("0"):
        decimals, optional = decimals[:-1], optional - 1
    shares: dict[int, str] = {}
    for n, at in enumerate(reversed(left)):
        end = len(whole) - n
        shares[at] = whole[:end] if n == len(left) - 1 else whole[max(end - 1, 0) : max(end, 0)]
    if thousands:
        shares = dict.fromkeys(left, "") | {left[0]: f"{int(whole):,}" if whole else ""}
    shares |= dict(zip([at for at in places if at > point], decimals, strict=False))
    parts = []
    for at, (kind, text) in enumerate(tokens):
        if kind == "digit":
            parts.append(shares.get(at, ""))
        elif kinds[at] == ".":
            parts.append("." if decimals else "")
        elif kind == "text" or kinds[at] == "%":
            parts.append(text)
    return "".join(parts)


def _date(value: float, section: _Section, *, from_1904: bool) -> str:
    """Return a date or time by a section; what is no date stays a number."""
    if not 0 <= value < _LAST_DAY:
        return general(value)
    fraction = max(
        (len(t) - t.index(".") - 1 for k, t in section.tokens if k == "second"), default=0
    )
    seconds = round(value * 86_400, min(fraction, 3))
    base = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - of no zone
    if not from_1904 and value < _LEAP_BUG:
        base += timedelta(days=1)
    try:
        moment = base + timedelta(seconds=seconds)
    except OverflowError:
        return general(value)
    units = [(at, text) for at, (kind, text) in enumerate(section.tokens) if kind != "text"]
    minutes = {
        at
        for n, (at, text) in enumerate(units)
        if text in ("m", "mm")
        and (
            (n > 0 and units[n - 1][1][0] == "h")
            or (n + 1 < len(units) and units[n + 1][1][0] == "s")
        )
    }
    half = any(kind == "half" for kind, _ in section.tokens)
    parts = []
    for at, (kind, text) in enumerate(section.tokens):
        if kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[text[0]]
            parts.append(str(int(seconds // unit)).zfill(len(text)))
        elif kind == "half":
            parts.append("AM" if moment.hour < _HALF_DAY else "PM")
        elif kind in ("date", "second"):
            name = "n" * len(text) if at in minutes else text
            parts.append(_unit(moment, name, half=half))
        elif kind in ("text", "mark"):
            parts.append(text)
    return "".join(parts).strip()


def _unit(moment: datetime, name: str, *, half: bool) -> str:
    """Return one unit of a date: `n` is minutes, all others are as in format codes."""
    first, size = name[0], len(name)
    if first in "ye":
        return f"{moment.year % 100:02}" if name in ("y", "yy") else str(moment.year)
    if first == "m" and size > 2:  # noqa: PLR2004 - names, not numbers
        month = _MONTHS[moment.month - 1]
        return month[:3] if size == 3 else month[:1] if size == 5 else month  # noqa: PLR2004
    if first == "d" and size > 2:  # noqa: PLR2004
        day = _DAYS[moment.weekday()]
        return day[:3] if size == 3 else day  # noqa: PLR2004
    if first == "s" and "." in name:
        places = size - name.index(".") - 1
        return f"{moment.second:02}." + f"{moment.microsecond:06}"[:places]
    hour = (moment.hour % _HALF_DAY or _HALF_DAY) if half else moment.hour
    numbers = {
        "m": moment.month,
        "d": moment.day,
        "h": hour,
        "n": moment.minute,
        "s": moment.second,
    }
    return str(numbers[first]).zfill(min(size, 2)) if first in numbers else ""
