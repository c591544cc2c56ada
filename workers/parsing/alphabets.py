"""Which Latin code page a text was written in, told by the letters that languages have."""

import unicodedata
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
#: A page is believed where one language has this share of the text's letters beyond ASCII.
_ENOUGH: Final = 0.95


def latin_code_page(data: bytes) -> str | None:
    """Return the code page in which one language has nearly all letters of *data*; None if none."""
    best, best_share = None, _ENOUGH
    for page, languages in _LETTERS.items():
        try:
            text = data.decode(page)
        except UnicodeDecodeError:
            continue
        letters = [c for c in text.lower() if c > "\x7f" and unicodedata.category(c)[0] in "LM"]
        # "3³" for "3ł": a sign in the middle of a word is a letter of another page.
        split = sum(
            a.isalpha() and b.isalpha() and m > "\x7f" and unicodedata.category(m) in ("No", "So")
            for a, m, b in zip(text, text[1:], text[2:], strict=False)
        )
        if not letters:
            continue
        share = max(sum(c in known for c in letters) for known in languages) / (
            len(letters) + split
        )
        if share > best_share or (best is None and share >= best_share):
            best, best_share = page, share
    return best
