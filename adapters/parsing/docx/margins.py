"""Headers and footers of a Word file: what they say once, and only if the body does not say it."""

import re
from collections.abc import Iterator

from lxml import etree

from adapters.parsing.docx.inline import PAGE_NUMBER
from adapters.parsing.docx.package import R, W
from adapters.parsing.docx.reader import Piece, Reader

_MOST_LINES = 300  # of headers and footers; a file with more has one for each page
# A page number with the words that go with it: Page 3 of 10, Seite 3 von 10, 第3页.
_BEFORE = (
    "pages?|pg|p|seite|s|p[áa]g(?:ina)?|pagină|sida|side|sivu|strona|str|stránka|strana|стр|страница"
    "|сторінка|oldal|sayfa|lk|σελίδα|halaman|trang|第|페이지|صفحة|עמוד"
)
_OF = r"of|von|de|di|du|sur|van|av|af|z|ze|из|з|od|din|ud|los|out|共|中|/|\||-"
_CHAPTER = r"(?:\d{1,3}|[A-Z]|[IVX]{1,5}) ?[-\u2013.] ?"  # of 2-17, A-3
_AFTER = "(?:[页頁쪽]|ページ|페이지|oldal)"
_PAGE = re.compile(
    rf"(?:(?<!\w)(?:{_BEFORE})\.? ?)?(?:(?<!\w){_CHAPTER})?{PAGE_NUMBER}(?: ?{_AFTER})?"
    rf"(?: ?\(?(?:{_OF})? ?{PAGE_NUMBER}(?: ?{_AFTER})?\)?)*",
    re.IGNORECASE,
)
_RULES = " |-–—·•_/.,:;"  # noqa: RUF001 - what stands around page numbers
_SAYS = re.compile(r"[^\W\d_]|\d{5}")


def margins(reader: Reader, root: etree._Element) -> tuple[list[Piece], list[Piece]]:
    """
    Return the headers and the footers of a document that *reader* has read, a piece for each part.

    Lines that hold a page number alone, that were there already, or that stand in the body are
    left out.
    """
    told: set[str] = set()
    parts = _parts(reader, root)
    body = _normal(" ".join(piece.text for piece in reader.pieces)) if parts else ""
    both = []
    for kind in ("header", "footer"):
        pieces = []
        for name in (name for name, of in parts.items() if of == kind):
            lines = []
            for line in _lines(reader, name):
                key = _normal(line)
                if key in told:
                    continue
                if len(told) == _MOST_LINES:
                    reader.leave_out(f"Headers and footers past {_MOST_LINES} lines were left out.")
                    break
                told.add(key)
                if key not in body:
                    lines.append(line)
            if lines:
                pieces.append(Piece("paragraph", "\n".join(lines)))
        both.append(pieces)
    return both[0], both[1]


def _normal(text: str) -> str:
    """Return the form of a text in which it is looked for."""
    return " ".join(text.split()).casefold()


def _parts(reader: Reader, root: etree._Element) -> dict[str, str]:
    """Return the header and footer parts in use, in the order of the sections, with their kinds."""
    relations = reader.package.relations(reader.part)
    if not any(relation.kind in ("header", "footer") for relation in relations.values()):
        return {}
    names: dict[str, str] = {}
    for reference in root.iter(f"{W}headerReference", f"{W}footerReference"):
        relation = relations.get(reference.get(f"{R}id", ""))
        if relation is not None and not relation.external:
            kind = reference.tag.removeprefix(W).removesuffix("Reference")
            names.setdefault(relation.target, kind)
    return names


def _lines(reader: Reader, name: str) -> Iterator[str]:
    """Yield what a header or footer says, without its page numbers."""
    for piece in reader.other_part(name):
        for line in piece.text.splitlines():
            text = " ".join(line.split())
            if PAGE_NUMBER in text:
                text = _PAGE.sub(" ", text).replace(PAGE_NUMBER, " ").strip(_RULES)
            if _SAYS.search(text):
                yield " ".join(text.split())
