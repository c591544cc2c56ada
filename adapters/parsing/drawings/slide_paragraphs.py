"""The paragraphs of a shape on a slide: which are items of lists, and how they are numbered."""

from lxml import etree

from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.numerals import numeral
from adapters.parsing.shared.packages import below, local

_BULLETS = frozenset({"buNone", "buChar", "buAutoNum", "buBlip"})
_FORMS = {
    "arabic": "1", "alphaLc": "a", "alphaUc": "A", "romanLc": "i", "romanUc": "I",
}  # fmt: skip
_LISTS = frozenset({"body", "obj", "subTitle", "tbl", "chart", "dgm", "media", "clipArt"})


def paragraph_text(paragraph: etree._Element) -> str:
    """Return the text of a paragraph: runs, fields, breaks and formulas in their order."""
    pieces = paragraph.iter("{*}t", "{*}br")
    parts = ("\n" if local(element) == "br" else element.text or "" for element in pieces)
    return "".join(parts).replace("\x0b", "\n")


class TextBody:
    """
    Adds the paragraphs of one shape.

    Args:
        role: The kind of placeholder that the shape is; empty if it is none.

        inherited: The placeholders it takes after, the nearest first.

        master: The slide's master, whose styles come last.
    """

    def __init__(
        self, role: str, inherited: list[etree._Element], master: etree._Element | None
    ) -> None:
        self._styles = [s for one in inherited for s in below(one, "lstStyle")]
        if master is not None:
            wanted = "bodyStyle" if role in _LISTS else "otherStyle"
            self._styles.extend(below(master, wanted))
        self._counts: dict[int, int] = {}

    def add(self, out: Assembly, body: etree._Element) -> None:
        """Append the paragraphs of a text body, items of lists a line each."""
        own = [style for style in body if local(style) == "lstStyle"]
        for paragraph in body.iterfind("{*}p"):
            text = paragraph_text(paragraph)
            if not text.strip():
                continue
            properties = paragraph.find("{*}pPr")
            level = int(properties.get("lvl", "0")) if properties is not None else 0
            bullet = self._bullet(properties, level, [*own, *self._styles])
            for deeper in [one for one in self._counts if one > level]:
                del self._counts[deeper]
            if bullet is None or local(bullet) == "buNone":
                self._counts.pop(level, None)
                out.add("paragraph", text)
            else:
                out.add(
                    "list", f"{'  ' * min(level, 8)}{self._marker(bullet, level)} {one_line(text)}"
                )

    def _marker(self, bullet: etree._Element, level: int) -> str:
        """Return what stands before an item."""
        if local(bullet) != "buAutoNum":
            self._counts.pop(level, None)
            return "-"
        count = self._counts.get(level, int(bullet.get("startAt", "1")) - 1) + 1
        self._counts[level] = count
        kind = bullet.get("type", "arabicPeriod")
        form = next((form for name, form in _FORMS.items() if kind.startswith(name)), "1")
        number = numeral(count, form)
        if kind.endswith("ParenBoth"):
            return f"({number})"
        return f"{number})" if kind.endswith("ParenR") else f"{number}."

    @staticmethod
    def _bullet(
        properties: etree._Element | None, level: int, styles: list[etree._Element]
    ) -> etree._Element | None:
        """Return what says whether a paragraph has a bullet, the nearest first."""
        if properties is not None:
            for child in properties:
                if local(child) in _BULLETS:
                    return child
        for style in styles:
            for one in style.iterfind(f"{{*}}lvl{level + 1}pPr"):
                for child in one:
                    if local(child) in _BULLETS:
                        return child
        return None
