"""The numbers of clauses, sections, steps: in a question, and where a piece of text begins."""
# ruff: noqa: RUF001 - the punctuation and the letters of other scripts are meant

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

#: What numbered parts of documents are called, without accents, in the forms that a question has.
_WORDS = (
    "clauses? subclauses? sections? subsections? sect? articles? arts? paragraphs? paras? par "
    "steps? points? items? rules? chapters? ch annex(?:es)? appendix schedules? parts? "  # English
    "klauseln? (?:unter)?abschnitt(?:s|es|e|en)? ziffern? ziff absatz(?:es)? absatzen? abs "
    "artikeln? artikels paragra(?:ph|f)(?:en|s)? punkt(?:es|e|en)? nummern? nr kapitels? kap "
    "schritt(?:es|e|en)? anlage anhang buchstabe lit "  # German
    "alineas? paragraphes? chapitres? etapes? annexes? "  # French
    "clausulas? articulos? apartados? seccion(?:es)? parrafos? pasos? puntos? capitulos? anexos? "
    "numeral(?:es)? incisos? "  # Spanish
    "clausol[ae] articol[oi] comm[ai] sezion[ei] paragraf[oi] pass[oi] punt[oi] capitol[oi] "
    "allegat[oi] "  # Italian
    "artigos? se[c]?coes se[c]?cao paragrafos? passos? etapas? pontos? itens "  # Portuguese
    "artikelen lid leden paragraaf clausule stap(?:pen)? punten hoofdstuk bijlage "  # Dutch
    "paragraf(?:en)? avsnitt(?:et)? afsnit(?:tet)? stycke(?:t)? steg(?:et)? trinn? ledd klausul "
    "bilaga bilag vedlegg punkten "  # Scandinavian languages
    "artykul(?:u|e|owi)? art paragraf(?:u|ie)? ustep(?:u|ie)? ust pkt punkt(?:u|cie) "
    "rozdzial(?:u|e)? krok(?:u)? clan(?:ek|ku|ok)? cl odstav(?:ec|ci|ca) odst bod(?:u|e)? "
    "kapitol[ay] "  # Polish, Czech, Slovak
    "madde adım adim bolum pont cikk szakasz bekezdes pykala kohta luku momentti "
    "pasal ayat langkah bagian dieu khoan muc buoc "  # Turkish, Hungarian, Finnish, Malay, Viet.
    "(?:под)?пункт[аеу]? стать[яеию] раздел[аеу]? параграф[аеу]? шаг[аеу]? глав[аеыу] "
    "статт[яіею] розділ[уі]? крок[уи]? член чл п ст ч "  # Russian, Ukrainian, Bulgarian
    "αρθρο[υ]? παραγραφο[ςυ] ρητρα ενοτητα βημα κεφαλαιο "
    "المادة البند القسم الفقرة الخطوة ماده بند [בהול]?סעיף פרק שלב धारा अनुच्छेद खंड चरण "
)
# The longest first: an alternative that matches is not left for a later one.
_WORD = rf"(?:{'|'.join(sorted(_WORDS.split(), key=len, reverse=True))})"
_SIGN = (
    rf"(?:(?:(?<!\w)(?i:{_WORD})(?:\.|(?![^\W\d]))|条款|步骤|章节|手順|ステップ|項目|단계)\s*"
    r"|§{1,2}\s*)"
)
_NUMBER_WORD = r"(?:(?i:no|nr|num|number|nummer|numero)\b\.?\s*|[nN][°º]\s*|№\s*|#\s*)?"
_LABEL = (
    r"(?:\d{1,4}(?:\.\d{1,3}){0,6}[a-z]?"
    r"|[A-Z][.-]?\d{1,3}(?:\.\d{1,3}){0,5}"
    r"|[IVX]{1,6}|[A-Z]"
    r")(?!\w)"
)
_INNER = r"(?:\s?\([a-zA-Z0-9]{1,5}\))*+"
_AND = r"(?:\s*(?:,|&|/|-|–|\b(?:and|or|to|und|oder|bis|et|ou|a|y|e|o|en|och|og|и)\b)\s*)"
_NAMED = re.compile(
    rf"{_SIGN}{_NUMBER_WORD}(?P<labels>{_LABEL}{_INNER}(?:{_AND}{_LABEL}{_INNER})*+)"
    rf"|{_SIGN}(?P<inner>\([a-zA-Z0-9]{{1,5}}\))"
    rf"|(?<![\w.])(?P<before>\d{{1,3}}(?:\.\d{{1,3}}){{0,6}})\.?\s?(?i:(?:§|{_WORD})(?!\w))"
    r"|[第제]\s?(?P<counted>\d{1,4}|[〇一二三四五六七八九十百]{1,7})\s?[条條款項项章節节步조항장절]"
)
_ONE = re.compile(rf"(?P<label>{_LABEL})(?P<inner>{_INNER})")

#: What a piece may begin with before its number.
_MARKS = r"[\s#>*_|\-–•]*+"
_BEGINS = re.compile(
    rf"{_MARKS}(?:(?P<sign>{_SIGN})(?P<signed>{_LABEL})(?P<more>{_INNER})"
    r"|(?P<outer>\([a-zA-Z0-9]{1,5}\))(?=\s|$)"
    r"|(?P<dotted>[A-Z]?\.?\d{1,3}(?:\.\d{1,3}){1,6}[a-z]?)(?P<under>"
    rf"{_INNER})(?![\w%])"
    r"|(?P<plain>\d{1,3}[a-z]?|[IVX]{1,6}|[a-zA-Z])(?P<mark>[.):]?)"
    r"(?=\s|$)"
    r"|[第제]\s?(?P<counted>\d{1,4}|[〇一二三四五六七八九十百]{1,7})\s?"
    r"(?P<unit>[条條款項项章節节步조항장절])(?=[\s(（:：]|$))"
)
#: The greatest combining class (Unicode, 4.3) of marks that are part of a letter.
_OF_LETTERS = 9
#: Code points of a piece that are looked at for its number.
_LOOKED_AT = 200
ENDS = ".!?。！？…;"
_ROMAN_NUMBER = re.compile(r"[IVX]{1,6}")
_ROMAN = {"I": 1, "V": 5, "X": 10}
_HAN = {sign: n for n, sign in enumerate("〇一二三四五六七八九")}


@dataclass(frozen=True, slots=True)
class Named:
    """The numbers that a question names: as they are compared, and the words that name them."""

    labels: frozenset[str]
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What a piece begins with: its label, all readings of it, and the kind of its numbering."""

    readings: frozenset[str]
    kind: str
    inner: frozenset[str] = frozenset()  # labels in brackets that follow at once
    depth: int = 0  # of a dotted number: how many dots
    word: bool = False  # it says what it is: `Section 4`
    surely: bool = True


def named(question: str) -> Named | None:
    """
    Return the numbers of clauses, sections, articles, paragraphs or steps that *question* names.

    None where it names none. A number needs such a word or sign beside it.
    """
    plain = _plain(question)
    labels: set[str] = set()
    words: list[str] = []
    for match in _NAMED.finditer(plain):
        words.append(match[0])
        if match["labels"]:
            for one in _ONE.finditer(match["labels"]):
                labels |= _readings(one["label"])
                labels.update(_inner(one["inner"]))
        else:
            label = match["inner"] or match["before"] or match["counted"]
            labels |= _inner(label) if match["inner"] else _readings(label)
    return Named(frozenset(labels), " ".join(words)) if labels else None


@lru_cache(maxsize=4_096)
def mark_of(piece: str) -> Mark | None:
    """Return what a piece begins with; None where it is no number of a part."""
    plain = _plain(piece[:_LOOKED_AT])
    match = _BEGINS.match(plain)
    if match is None:
        return None
    rest = plain[match.end() :]
    return _signed(match, rest) if match["signed"] else _numbered(match, rest)


def _signed(match: re.Match[str], rest: str) -> Mark | None:
    """Return the mark of a piece that says what it is: `Section 4`."""
    tight = rest.lstrip(" *_")
    apart = not tight or tight.startswith((".", ":", ")", "-", "–", "—", "\n", "|", "("))
    if not apart and tight[0].islower():
        return None  # "Clause 2.2 does not apply" only mentions it
    kind, inner = match["sign"].strip(" .").lower(), frozenset(_inner(match["more"]))
    surely = apart or rest[-1] not in ENDS
    return Mark(_readings(match["signed"]), kind, inner, word=True, surely=surely)


def _numbered(match: re.Match[str], rest: str) -> Mark | None:
    """Return the mark of a piece that begins with a number alone."""
    if label := match["outer"]:
        return Mark(frozenset(_inner(label)), "(1)" if label[1].isdigit() else "(a)")
    if label := match["counted"]:
        return Mark(_readings(label), match["unit"], word=match["unit"] not in "項项款항")
    if label := match["dotted"]:
        inner = frozenset(_inner(match["under"]))
        goes_on = _goes_on(rest.lstrip(".):*_"))
        return Mark(_readings(label), "1.", inner, label.count(".")) if goes_on else None
    label, sign = match["plain"], match["mark"]
    if not _goes_on(rest) or (not sign and not _is_title(rest, label)):
        return None
    kind = "1" if label[0].isdigit() else "I" if _ROMAN_NUMBER.fullmatch(label) else "a"
    return Mark(_readings(label), kind + (sign or "."))


def _goes_on(rest: str) -> bool:
    """Return True if words, or nothing, follow a number: no unit, and no other number."""
    bare = rest.strip()
    return not bare or (rest[0].isspace() and (bare[0].isalpha() or bare[0] in "\"'“„«([*_|§"))


def _is_title(rest: str, label: str) -> bool:
    """Return True if a number without a full stop stands before a title."""
    bare = rest.strip()
    return label.isdigit() and bool(bare) and not bare[0].islower() and bare[-1] not in ENDS


def _readings(label: str) -> frozenset[str]:
    """Return a label as it is compared, and what it is as a number."""
    found = {label.lower()}
    if _ROMAN_NUMBER.fullmatch(label):
        values = [_ROMAN[sign] for sign in label]
        below = [*values[1:], 0]
        found.add(str(sum(v if v >= b else -v for v, b in zip(values, below, strict=True))))
    if label[0] in _HAN or label[0] in "十百":
        found.add(str(_counted(label)))
    return frozenset(found)


def _counted(label: str) -> int:
    """Return the value of a Chinese numeral below a thousand."""
    total, digit = 0, 0
    for sign in label:
        if sign in "十百":
            total += (digit or 1) * (10 if sign == "十" else 100)
            digit = 0
        else:
            digit = _HAN[sign]
    return total + digit


def _inner(text: str) -> set[str]:
    """Return labels in brackets, as they are compared."""
    return {label.lower() for label in re.findall(r"\([a-zA-Z0-9]{1,5}\)", text)}


def _plain(text: str) -> str:
    """Return a text without accents, with all digits and brackets as ASCII has them."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    # Other marks than accents are part of the letters, such as those of Japanese and Hindi.
    kept = (c for c in apart if unicodedata.combining(c) <= _OF_LETTERS)
    digits = (str(n) if (n := unicodedata.digit(c, -1)) >= 0 else c for c in kept)
    return unicodedata.normalize("NFC", "".join(digits))
