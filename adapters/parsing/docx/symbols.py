"""Characters of symbol fonts, which have no place in Unicode as a Word file writes them."""
# ruff: noqa: RUF001 - Greek letters and signs are meant

import re
import sys

_PRIVATE = re.compile("[\uf020-\uf0ff]")
_BASE = 0xF000  # symbol fonts lie from here on in the private area; the low byte is the character

# The encoding of the Symbol font (Adobe's Symbol Encoding), as Unicode.
_SYMBOL = dict(
    zip(
        range(0x20, 0x7F),
        " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"
        "‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
        strict=True,
    )
) | dict(
    zip(
        range(0xA0, 0xFF),
        "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓"
        "◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ 〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
        strict=True,
    )
)
# Of the pictures of Wingdings those that say something in a text.
_WINGDINGS = {
    0x28: "☎", 0x2A: "✉", 0x3A: "💻", 0x41: "✌", 0x45: "☜", 0x46: "☞", 0x47: "☝", 0x48: "☟",
    0x4A: "☺", 0x4B: "😐", 0x4C: "☹", 0x6C: "●", 0x6D: "❍", 0x6E: "■", 0x6F: "□", 0x71: "❑",
    0x75: "◆", 0x76: "❖", 0x80: "⓪", 0x81: "①", 0x82: "②", 0x83: "③", 0x84: "④", 0x85: "⑤",
    0x86: "⑥", 0x87: "⑦", 0x88: "⑧", 0x89: "⑨", 0x8A: "⑩", 0x9F: "•", 0xA1: "○", 0xA7: "▪",
    0xA8: "□", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE7: "←", 0xE8: "→",
    0xE9: "↑", 0xEA: "↓", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩", 0xF3: "⬄", 0xFB: "✗",
    0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x54: "☒", 0x2A: "□", 0xA3: "□"}
_WINGDINGS_3 = {0x66: "←", 0x67: "→", 0x68: "↑", 0x69: "↓", 0x7D: "▶", 0x84: "◀"}
_FONTS = {
    "symbol": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
    "wingdings 3": _WINGDINGS_3,
}


def symbol(font: str, code: int) -> str:
    """
    Return the Unicode character of a `w:sym`, empty for a picture that says nothing.

    *code* is a place in *font*, in the private area (U+F000 to U+F0FF) or not.
    """
    table = _FONTS.get(font.strip().lower())
    if table is not None and code & ~0xFF in (0, _BASE):
        return table.get(code & 0xFF, "")
    private = 0xE000 <= code <= 0xF8FF  # noqa: PLR2004 - nobody knows what its font shows
    return "" if private or not 0 < code <= sys.maxunicode else chr(code)


def has_private(text: str) -> bool:
    """Return True if a text has characters that only their font explains."""
    return _PRIVATE.search(text) is not None


def plain(text: str, font: str) -> str:
    """Return *text* with characters of the private area as their font has them."""
    known = font if font.strip().lower() in _FONTS else "symbol"
    return _PRIVATE.sub(lambda letter: symbol(known, ord(letter[0])), text)
