"""What a paragraph of a Word file says: its runs, fields, symbols and equations as text."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from lxml import etree

from adapters.parsing.docx.equations import M, linear
from adapters.parsing.docx.package import R, W
from adapters.parsing.docx.styles import Styles, among, on, properties_of, said, switch, value
from adapters.parsing.docx.symbols import has_private, plain, symbol
from adapters.parsing.shared.packages import whole

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_CX = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_O = "{urn:schemas-microsoft-com:office:office}"
_V = "{urn:schemas-microsoft-com:vml}"

#: Stands for a page number where those are wanted (`Inline.pages`); it is in no text of a file.
PAGE_NUMBER: Final = "\x01"

DELETED = frozenset({f"{W}del", f"{W}moveFrom"})
_SKIPPED = frozenset(
    {f"{W}{name}" for name in ("pPr", "rPr", "sdtPr", "sdtEndPr", "delText", "delInstrText", "rt")}
    | {f"{W}{name}" for name in ("smartTagPr", "customXmlPr", "rubyPr", "tblPr", "binData")}
    | {f"{A}tbl"}  # never in Word; a drawing's table would be cut into words
)
_SPACES = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}
_FIGURES = re.compile("[-+0-9\u2212]{1,6}")
_RAISED = str.maketrans("-+0123456789\u2212", "⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹⁻")  # else 10 to the 6 reads as 106
_SOFT_HYPHEN = "\xad"  # seen only at the end of a line
_RUN_PROPERTIES = f"{W}rPr"
_RUN_STYLE, _VANISH, _RAISE = f"{W}rStyle", f"{W}vanish", f"{W}vertAlign"
_NOTES = {f"{W}footnoteReference": "footnote", f"{W}endnoteReference": "endnote"}
_PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b", re.IGNORECASE)
_WORDS = (f"{W}t", f"{A}t", f"{M}t", f"{C}chart", f"{_CX}chart", f"{DGM}relIds", f"{_O}OLEObject")
_TICKED, _UNTICKED = "☒", "☐"
_MOST_PARTS = 200  # pieces of a paragraph that are looked at for a comment or a form field
_NEAR_PARTS, _NEAR_CHARACTERS = 60, 400  # before the mark of a note
_CODE_CHARACTERS = 200  # of an instruction: its first word tells what it is


@dataclass(slots=True)
class Line:
    """
    The words of one paragraph and what hangs on them, in order.

    *boxes* are the contents of text boxes and shapes; *notes* are (`footnote` or `endnote`, id, the
    words before its mark); *comments* has the words commented on, by id; *objects* are pairs of
    (what it is, the id of its relationship or the name of its program). *hid* and *deleted* tell
    that there are words that nobody sees.
    """

    text: str = ""
    boxes: list[etree._Element | str] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    comments: dict[str, str] = field(default_factory=dict)
    objects: list[tuple[str, str]] = field(default_factory=list)
    hid: bool = False
    deleted: bool = False

    @property
    def bare(self) -> bool:
        """Whether nothing hangs on the line."""
        return not (self.notes or self.comments or self.boxes or self.objects)


@dataclass(slots=True)
class _Field:
    """A field that is open: its instruction, and what it shows if it brings no result along."""

    at: int  # where its result begins among the parts
    code: str = ""
    told: bool = False  # past its instruction
    shows: str = ""


class Inline:
    """
    Reads paragraphs, one at a time.

    Args:
        styles: Tells which styles hide text.

        mark: Returns what stands in the text for a note, given `footnote` or `endnote` and its id.
    """

    def __init__(self, styles: Styles, mark: Callable[[str, str], str]) -> None:
        self._styles = styles
        self._mark = mark
        self.pages = False  # whether page numbers are written as PAGE_NUMBER
        self._begin(Line(), hidden=False)

    def _begin(self, line: Line, *, hidden: bool) -> None:
        """Forget the paragraph before."""
        self._line = line
        self._parts: list[str] = []
        self._fields: list[_Field] = []
        self._silent = 0  # fields that are still in their instruction
        self._hidden = hidden
        self._raised = False
        self._comments: dict[str, int] = {}  # where the words begin that a comment is on

    def read(self, paragraph: etree._Element, *, hidden: bool = False) -> Line:
        """Return what a paragraph says; *hidden* where its style hides it."""
        line = Line()
        self._begin(line, hidden=hidden)
        self._inside(paragraph)
        for one in reversed(self._fields):  # that never end, or end in a later paragraph
            self._close(one)
        line.text = "".join(self._parts)
        return line

    def read_alone(self, equation: etree._Element) -> Line:
        """Return an equation that stands between paragraphs."""
        self._begin(line := Line(), hidden=False)
        self._equation(equation)
        line.text = "".join(self._parts)
        return line

    def _inside(self, parent: etree._Element) -> None:
        """Read the children of an element."""
        for element in parent:
            tag = element.tag
            handle = self._HANDLERS.get(tag)
            if handle is not None:
                handle(self, element)
            elif tag in _SPACES:
                self._say(_SPACES[tag])
            elif tag not in _SKIPPED:
                self._inside(element)

    def _say(self, text: str) -> None:
        """Add words unless they are hidden."""
        if self._hidden:
            self._line.hid = self._line.hid or bool(text.strip() and not self._silent)
        elif not self._silent:
            self._parts.append(text)

    @property
    def _unseen(self) -> bool:
        """Whether what is read now is hidden or part of an instruction."""
        return self._hidden or self._silent > 0

    def _run(self, run: etree._Element) -> None:
        """Read a run, which may be hidden by itself or by its style."""
        properties = properties_of(run, _RUN_PROPERTIES)
        if properties is None or not len(properties):
            self._inside(run)
            return
        before, found = self._hidden, among(properties, _RUN_STYLE, _VANISH, _RAISE)
        if found:
            by_style = self._styles.hiding.get(said(found.get(_RUN_STYLE)), False)
            self._hidden = on(found.get(_VANISH), otherwise=before or by_style)
            self._raised = said(found.get(_RAISE)) == "superscript"
        self._inside(run)
        self._hidden, self._raised = before, False

    def _words(self, element: etree._Element) -> None:
        """Read the words of a run."""
        text = element.text or ""
        if not text.isascii():
            text = text.replace(_SOFT_HYPHEN, "")
            if has_private(text):
                fonts = element.getparent().find(f"{W}rPr/{W}rFonts")
                text = plain(text, fonts.get(f"{W}ascii", "") if fonts is not None else "")
        if self._raised and _FIGURES.fullmatch(text):
            text = text.translate(_RAISED)
        self._say(text)

    def _symbol(self, element: etree._Element) -> None:
        """Read a character that is named by its font and place."""
        try:
            code = int(element.get(f"{W}char", ""), 16)
        except ValueError:
            return
        self._say(symbol(element.get(f"{W}font", ""), code))

    def _deleted(self, element: etree._Element) -> None:
        """Leave out what tracked changes delete; what they move stands elsewhere."""
        if element.tag == f"{W}del" and not self._line.deleted:
            words = (gone.text for gone in element.iter(f"{W}delText", f"{W}t"))
            self._line.deleted = any(text and text.strip() for text in words)

    def _equation(self, element: etree._Element) -> None:
        """Read an equation, set apart from the words around it."""
        text = " ".join(linear(element).split())
        before = self._parts[-1][-1:] if self._parts else ""
        self._say(f" {text}" if text and before.isalnum() else text)

    def _alternatives(self, element: etree._Element) -> None:
        """Read one of several forms of the same thing: the newest that holds any words."""
        forms = [form for form in element if form.tag in (f"{MC}Choice", f"{MC}Fallback")]
        for form in forms:
            if form is forms[-1] or next(form.iter(*_WORDS), None) is not None:
                self._inside(form)
                return

    def _field_mark(self, element: etree._Element) -> None:
        """Note where a field begins, where its result begins, and where it ends."""
        kind = element.get(f"{W}fldCharType")
        if kind == "begin":
            self._fields.append(_Field(len(self._parts), shows=_form_value(element)))
            self._silent += 1
        elif self._fields and kind == "separate" and not self._fields[-1].told:
            self._fields[-1].told = True
            self._fields[-1].at = len(self._parts)
            self._silent -= 1
        elif self._fields and kind == "end":
            self._close(self._fields.pop())

    def _close(self, one: _Field) -> None:
        """End a field: what it shows is its result, or what a form holds."""
        if not one.told:
            self._silent -= 1
        self._result(one.code, one.at, one.shows)

    def _result(self, code: str, at: int, shows: str = "") -> None:
        """Put something else in the place of the result that begins with part *at*."""
        if self.pages and _PAGE_FIELD.match(code):
            del self._parts[at:]
            self._say(PAGE_NUMBER)
        elif shows and not any(map(str.strip, self._parts[at : at + _MOST_PARTS])):
            self._say(shows)

    def _instruction(self, element: etree._Element) -> None:
        """Read a piece of a field's instruction."""
        if self._fields and len(self._fields[-1].code) < _CODE_CHARACTERS:
            self._fields[-1].code += element.text or ""

    def _simple_field(self, element: etree._Element) -> None:
        """Read a field that holds its result."""
        at = len(self._parts)
        self._inside(element)
        self._result(element.get(f"{W}instr", ""), at)

    def _page_number(self, _: etree._Element) -> None:
        """Read the old form of a page number."""
        if self.pages:
            self._say(PAGE_NUMBER)

    def _note(self, element: etree._Element) -> None:
        """Set the mark of a footnote or endnote."""
        kind, name = _NOTES[element.tag], element.get(f"{W}id", "")
        mark = "" if self._unseen else self._mark(kind, name)
        if mark:
            before = "".join(self._parts[-_NEAR_PARTS:])
            self._line.notes.append((kind, name, before[-_NEAR_CHARACTERS:]))
            self._parts.append(mark)

    def _comment_begins(self, element: etree._Element) -> None:
        """Remember where the words begin that a comment is on."""
        self._comments[element.get(f"{W}id", "")] = len(self._parts)

    def _comment(self, element: etree._Element) -> None:
        """Keep a comment with the words of this paragraph that it is on."""
        name = element.get(f"{W}id", "")
        if element.tag == f"{W}commentRangeEnd":
            begun = self._comments.pop(name, 0)  # else the words begin in an earlier paragraph
            self._line.comments[name] = "".join(self._parts[begun : begun + _MOST_PARTS])
        else:
            self._line.comments.setdefault(name, "")

    def _box(self, element: etree._Element) -> None:
        """Keep a text box for after the paragraph."""
        if not self._unseen:
            self._line.boxes.append(element)

    def _shape_text(self, element: etree._Element) -> None:
        """Keep the words of a shape that holds no paragraphs of Word's."""
        text = "".join(words.text or "" for words in element.iter(f"{A}t"))
        self._shape_words(text)

    def _word_art(self, element: etree._Element) -> None:
        """Keep the words of WordArt of the old kind."""
        self._shape_words(element.get("string", ""))

    def _shape_words(self, text: str) -> None:
        """Keep words of a shape for after the paragraph."""
        if text.strip() and not self._unseen:
            self._line.boxes.append(text)

    def _object(self, element: etree._Element) -> None:
        """Keep something that is no text of this part for after the paragraph."""
        if element.tag == f"{DGM}relIds":
            found = "diagram", element.get(f"{R}dm", "")
        elif element.tag == f"{_O}OLEObject":
            found = "object", element.get("ProgID", "")
        elif element.tag == f"{W}control":
            found = "control", element.get(f"{W}name", "")
        else:
            found = "chart", element.get(f"{R}id", "")
        if not self._unseen:
            self._line.objects.append(found)

    def _ruby(self, element: etree._Element) -> None:
        """Read an annotated word without its reading, which parts the word for a search."""
        for base in element.iterfind(f"{W}rubyBase"):
            self._inside(base)

    _HANDLERS: ClassVar[Mapping[str, Callable[["Inline", etree._Element], None]]] = {
        f"{W}r": _run,
        f"{W}t": _words,
        f"{W}sym": _symbol,
        f"{W}del": _deleted,
        f"{W}moveFrom": _deleted,
        f"{W}fldChar": _field_mark,
        f"{W}instrText": _instruction,
        f"{W}fldSimple": _simple_field,
        f"{W}pgNum": _page_number,
        f"{W}footnoteReference": _note,
        f"{W}endnoteReference": _note,
        f"{W}commentRangeStart": _comment_begins,
        f"{W}commentRangeEnd": _comment,
        f"{W}commentReference": _comment,
        f"{W}txbxContent": _box,
        f"{W}ruby": _ruby,
        f"{W}control": _object,
        f"{A}p": _shape_text,
        f"{M}oMath": _equation,
        f"{M}oMathPara": _equation,
        f"{MC}AlternateContent": _alternatives,
        f"{_V}textpath": _word_art,
        f"{_O}OLEObject": _object,
        f"{DGM}relIds": _object,
        f"{C}chart": _object,
        f"{_CX}chart": _object,
    }


def _form_value(mark: etree._Element) -> str:
    """Return what an old form field shows: its tick, or the chosen entry of its list."""
    data = mark.find(f"{W}ffData")
    if data is None:
        return ""
    box, entries = data.find(f"{W}checkBox"), data.find(f"{W}ddList")
    if box is not None:
        ticked = switch(box, "checked", switch(box, "default", otherwise=False))
        return _TICKED if ticked else _UNTICKED
    if entries is not None:
        chosen = whole(value(entries, "result") or value(entries, "default"))
        named = entries.findall(f"{W}listEntry")
        return named[chosen].get(f"{W}val", "") if chosen < len(named) else ""
    return ""
