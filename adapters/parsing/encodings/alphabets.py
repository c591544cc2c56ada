"""Which Latin code page a text was written in, told by the letters that languages have."""

import re
import unicodedata
from itertools import pairwise
from typing import Final

#: Letters beyond ASCII of languages written in each Windows code page, the most usual page first:
#: of pages that read alike the first is taken. From the Unicode CLDR's exemplar characters.
_LETTERS: Final[dict[str, tuple[str, ...]]] = {
    "cp1252": (
        "áéíóúüñ",  # Spanish
        "àâæçéèêëîïôœùûüÿ",  # French
        "ãâáàçéêíóôõúü",  # Portuguese
        "äöüßéà",  # German
        "åäöéà",  # Swedish, Finnish
        "æøåéôò",  # Danish, Norwegian
        "àèéìíîòóùú",  # Italian
        "ëïéèöüóáç",  # Dutch
        "àèéíïòóúüç",  # Catalan
        "áðéíóúýþæö",  # Icelandic
    ),
    "cp1250": (
        "áčďéěíňóřšťúůýž",  # Czech
        "ąćęłńóśźż",  # Polish
        "áéíóöőúüű",  # Hungarian
        "ăâîşţ",  # Romanian
        "čćđšž",  # Croatian, Slovenian
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
    ),
    "cp1254": ("âçğıîöşüû\u0307",),  # Turkish; a capital dotted I lowers to i and a dot above
    "cp1257": (
        "ąčęėįšųūž",  # Lithuanian
        "āčēģīķļņšūž",  # Latvian
        "äöõüšž",  # Estonian
    ),
}
#: Pages of other systems that the same languages were written in, after the Windows pages.
_PAGES: Final[tuple[tuple[str, str], ...]] = (
    *((page, page) for page in _LETTERS),
    *(("iso8859_15", "cp1252"), ("cp850", "cp1252"), ("mac_roman", "cp1252")),
    *(("iso8859_2", "cp1250"), ("cp852", "cp1250"), ("mac_latin2", "cp1250")),
    *(("cp857", "cp1254"), ("cp775", "cp1257")),
)
#: A page is believed where one language has this share of the text's letters beyond ASCII.
_ENOUGH: Final = 0.95
#: Of all letters of a text in the Latin script this share at the most is beyond ASCII.
_MOST: Final = 0.5
_JOINING: Final = frozenset("’‘–—·•")  # noqa: RUF001 - signs that may stand between letters
_NEVER_LAST: Final = frozenset("±¶¢¤¥¦¨¬¯´¸¿¡¹‚„ˆ‹")  # noqa: RUF001 - signs of pages
_CONTROLS = re.compile("[\x80-\x9f]")


def latin_code_page(data: bytes) -> str | None:
    """Return the code page in which one language has nearly all letters of *data*; None if none."""
    best, best_share = None, _ENOUGH
    plain = sum(65 <= (byte & 0xDF) <= 90 for byte in data)  # noqa: PLR2004 - ASCII's letters
    for page, group in _PAGES:
        try:
            text = data.decode(page)
        except UnicodeDecodeError:
            continue
        letters = [c for c in text.lower() if c > "\x7f" and unicodedata.category(c)[0] in "LM"]
        odd = _odd_signs(text)
        if page == "cp1252" and not letters and not odd:
            return page  # signs alone, each where signs stand
        if not letters or len(letters) > _MOST * (len(letters) + plain):
            continue
        known = max(sum(c in language for c in letters) for language in _LETTERS[group])
        share = known / (len(letters) + odd)
        if share > best_share or (best is None and share >= best_share):
            best, best_share = page, share
        if best_share >= 1.0:
            break
    return best


def _odd_signs(text: str) -> int:
    """
    Count signs that stand where letters do, and control characters: signs of a wrong page.

    "3³" for "3ł": a sign in the middle of a word is a letter of another page; "gę¶l±": so is one
    that never ends a word.
    """
    odd = sum(
        a.isalpha() and b.isalpha() and m > "\x7f" and unicodedata.category(m)[0] in "NSP"
        and m not in _JOINING
        for a, m, b in zip(text, text[1:], text[2:], strict=False)
    )  # fmt: skip
    odd += sum(a.isalpha() and m in _NEVER_LAST for a, m in pairwise(text))
    return odd + 5 * len(_CONTROLS.findall(text))
