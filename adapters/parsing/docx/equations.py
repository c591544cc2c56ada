"""Equations of a Word file (OMML) as one line of text: (a+b)/c, x^2, √(2), ∑_(i=1)^n i."""

from collections.abc import Callable

from lxml import etree

from adapters.parsing.docx.package import W

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_SKIPPED = frozenset({f"{W}rPr", f"{W}del", f"{W}moveFrom", f"{M}rPr", f"{M}ctrlPr"})


def linear(element: etree._Element) -> str:
    """
    Return the words of an equation or of a part of one on one line.

    Fractions, roots, powers, indices, sums, brackets, matrices and accents are written in the
    linear form that Word itself takes as input (UnicodeMath).
    """
    name = element.tag.removeprefix(M) if isinstance(element.tag, str) else ""
    if element.tag in _SKIPPED or name.endswith("Pr"):
        return ""
    if element.tag in (f"{M}t", f"{W}t"):
        return element.text or ""
    write = _FORMS.get(name)
    return write(element) if write else "".join(map(linear, element))


def _part(element: etree._Element, name: str) -> str:
    """Return the text of a child, empty if there is none."""
    child = element.find(f"{M}{name}")
    return linear(child).strip() if child is not None else ""


def _property(element: etree._Element, name: str, otherwise: str) -> str:
    """Return the value of one property of an object; *otherwise* where it is not said."""
    for properties in element:
        if isinstance(properties.tag, str) and properties.tag.endswith("Pr"):
            found = properties.find(f"{M}{name}")
            if found is not None:
                return found.get(f"{M}val", "")
    return otherwise


def _grouped(text: str) -> str:
    """Return *text* in brackets unless it is one word, number or letter."""
    whole = text.replace(".", "").replace(",", "").isalnum() or len(text) <= 1
    closed = text[:1] == "(" and text.find(")") == len(text) - 1
    return text if whole or closed else f"({text})"


def _raised(element: etree._Element) -> str:
    """Write the base with what stands below it and above it."""
    base, below, above = (_part(element, name) for name in ("e", "sub", "sup"))
    return _grouped(base) + _indices(below, above)


def _before(element: etree._Element) -> str:
    """Write indices that stand before their base."""
    return f"{_indices(_part(element, 'sub'), _part(element, 'sup'))} {_part(element, 'e')}".strip()


def _indices(below: str, above: str) -> str:
    """Write what stands below and above."""
    return (f"_{_grouped(below)}" if below else "") + (f"^{_grouped(above)}" if above else "")


def _fraction(element: etree._Element) -> str:
    """Write a fraction; without a bar it is a binomial, which reads like a pair."""
    above, below = _part(element, "num"), _part(element, "den")
    if _property(element, "type", "bar") == "noBar":
        return f"({above}¦{below})"
    return f"{_grouped(above)}/{_grouped(below)}"


def _root(element: etree._Element) -> str:
    """Write a root with its degree: √(2), 3√(x)."""
    return f"{_part(element, 'deg')}√({_part(element, 'e')})"


def _nary(element: etree._Element) -> str:
    """Write a sum, product or integral with its limits."""
    sign = _property(element, "chr", "∫")
    limits = _indices(_part(element, "sub"), _part(element, "sup"))
    return f"{sign}{limits} {_part(element, 'e')} "


def _delimited(element: etree._Element) -> str:
    """Write what stands in brackets."""
    parts = [linear(part).strip() for part in element.iterfind(f"{M}e")]
    begin, end = _property(element, "begChr", "("), _property(element, "endChr", ")")
    return begin + _property(element, "sepChr", "|").join(parts) + end


def _function(element: etree._Element) -> str:
    """Write a function and its argument."""
    argument = _part(element, "e")
    return f"{_part(element, 'fName')}{argument if argument[:1] == '(' else f'({argument})'}"


def _matrix(element: etree._Element) -> str:
    """Write the rows of a matrix."""
    rows = (
        ", ".join(linear(cell).strip() for cell in row.iterfind(f"{M}e"))
        for row in element.iterfind(f"{M}mr")
    )
    return f"[{'; '.join(rows)}]"


def _stacked(element: etree._Element) -> str:
    """Write equations that stand below each other."""
    return "; ".join(linear(one).strip() for one in element.iterfind(f"{M}e"))


def _limited(element: etree._Element) -> str:
    """Write a limit below or above its base: lim_(x→0)."""
    sign = "_" if element.tag == f"{M}limLow" else "^"
    return f"{_part(element, 'e')}{sign}{_grouped(_part(element, 'lim'))}"


def _accented(element: etree._Element) -> str:
    """Write a letter with its accent, several in brackets before it."""
    accent = _property(element, "chr", "\u0302") or "\u0302"
    base = _part(element, "e")
    return base + accent if len(base) <= 1 else f"({base}){accent}"


_FORMS: dict[str, Callable[[etree._Element], str]] = {
    "f": _fraction,
    "sSup": _raised,
    "sSub": _raised,
    "sSubSup": _raised,
    "sPre": _before,
    "rad": _root,
    "nary": _nary,
    "d": _delimited,
    "func": _function,
    "m": _matrix,
    "eqArr": _stacked,
    "limLow": _limited,
    "limUpp": _limited,
    "acc": _accented,
}
