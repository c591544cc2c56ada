"""PDF: what people typed and ticked in a form's fields, and the remarks they pinned to a page."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pypdfium2 import raw

from adapters.parsing.pdf.characters import Word, framed
from adapters.parsing.shared.assembly import cleaned

_TICKED, _EMPTY = "[x]", "[ ]"
_UNSEEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13  # of a text field's flags
_REMARKS = (
    raw.FPDF_ANNOT_TEXT,
    raw.FPDF_ANNOT_FREETEXT,
    raw.FPDF_ANNOT_LINE,
    raw.FPDF_ANNOT_SQUARE,
    raw.FPDF_ANNOT_CIRCLE,
    raw.FPDF_ANNOT_POLYGON,
    raw.FPDF_ANNOT_POLYLINE,
    raw.FPDF_ANNOT_HIGHLIGHT,
    raw.FPDF_ANNOT_UNDERLINE,
    raw.FPDF_ANNOT_SQUIGGLY,
    raw.FPDF_ANNOT_STRIKEOUT,
    raw.FPDF_ANNOT_STAMP,
    raw.FPDF_ANNOT_CARET,
    raw.FPDF_ANNOT_INK,
)
_ANNOTATIONS = 2000  # of a page; more are no form
_LENGTH = 100_000  # of one value
_USUAL_SIZE = 10.0
_LETTER = 0.5  # width of a letter, of the size
_LEADING = 1.2


@dataclass(frozen=True, slots=True)
class Marks:
    """What annotations add to a page: words at their places, and remarks as paragraphs."""

    words: list[Word]
    remarks: list[str]


@contextmanager
def form_of(pdf: Any, kind: int) -> Iterator[Any]:
    """Give pdfium's form environment of a document of form type *kind*, None if it has no form."""
    config = raw.FPDF_FORMFILLINFO(version=2)
    form = None
    if kind != raw.FORMTYPE_NONE:
        form = raw.FPDFDOC_InitFormFillEnvironment(pdf.raw, config)
    try:
        yield form
    finally:
        if form:
            raw.FPDFDOC_ExitFormFillEnvironment(form)


@contextmanager
def shown(page: Any, form: Any) -> Iterator[None]:
    """Tell pdfium's form environment of a page, which it must know to tell what is ticked."""
    if form:
        raw.FORM_OnAfterLoadPage(page, form)
    try:
        yield
    finally:
        if form:
            raw.FORM_OnBeforeClosePage(page, form)


def page_marks(page: Any, form: Any, words: list[Word], *, turn: int) -> Marks:
    """
    Return what the annotations of *page* say; *form* is pdfium's form environment or None.

    The values of fields take the baseline of the words beside them.
    """
    found = Marks([], [])
    count = min(raw.FPDFPage_GetAnnotCount(page), _ANNOTATIONS)
    written = "".join(word.text for word in words) if count else ""
    for n in range(count):
        annotation = raw.FPDFPage_GetAnnot(page, n)
        if not annotation:
            continue
        try:
            if raw.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
                continue
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            if kind == raw.FPDF_ANNOT_WIDGET and form:
                value = _value(form, annotation)
                if value:
                    found.words.extend(_placed(annotation, value, words, turn))
            elif kind in _REMARKS:
                found.remarks.extend(_remark(annotation, kind, written))
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return found


def _value(form: Any, annotation: Any) -> str:
    """Return what a field holds, as text."""
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        return _TICKED if raw.FPDFAnnot_IsChecked(form, annotation) else _EMPTY
    if kind in (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        chosen = "; ".join(_chosen(form, annotation))
        return chosen or _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    if kind == raw.FPDF_FORMFIELD_TEXTFIELD:
        if raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
            return ""
        return _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    return ""


def _chosen(form: Any, annotation: Any) -> Iterator[str]:
    """Yield the labels of the options that are chosen."""
    for n in range(min(raw.FPDFAnnot_GetOptionCount(form, annotation), _ANNOTATIONS)):
        if raw.FPDFAnnot_IsOptionSelected(form, annotation, n):
            label = _string(
                lambda f, a, buffer, size, n=n: raw.FPDFAnnot_GetOptionLabel(f, a, n, buffer, size),
                form,
                annotation,
            )
            if label:
                yield label


def _string(call: Callable[..., int], *of: Any) -> str:
    """Return a string that pdfium writes into a buffer, in UTF-16."""
    size = call(*of, None, 0)
    if not 2 < size <= 2 * _LENGTH:  # noqa: PLR2004 - the end alone
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    call(*of, buffer, size)
    text = bytes(buffer)[: size - 2].decode("utf-16-le", "ignore")
    return cleaned(text).replace("\x01", "").strip()


def _placed(annotation: Any, value: str, words: list[Word], turn: int) -> Iterator[Word]:
    """Yield the lines of a field's value as words where they stand."""
    box = raw.FS_RECTF()
    if not raw.FPDFAnnot_GetRect(annotation, box):
        return
    corners = (framed(box.left, box.bottom, turn), framed(box.right, box.top, turn))
    (left, right), (low, high) = (sorted(pair) for pair in zip(*corners, strict=True))
    lines = value.split("\n")
    beside = [w for w in words if low <= w.base + 0.25 * w.size <= high and not w.field]
    if len(lines) > 1:
        label = max(beside, key=lambda w: w.base, default=None)
    else:
        label = min(beside, key=lambda w: _away(w, left, right), default=None)
    size = label.size if label else min(_USUAL_SIZE, max(high - low, 1.0) / _LEADING)
    base = label.base if label else (low + high) / 2 - 0.35 * size
    if len(lines) > 1 and not label:
        base = high - size
    for n, line in enumerate(lines):
        text = line.strip()
        if text:
            wide = min(max(right - left, size), _LETTER * size * len(text))
            start = (left + right - wide) / 2 if text in (_TICKED, _EMPTY) else left
            yield Word(
                text=text,
                left=start,
                right=start + wide,
                base=base - n * _LEADING * size,
                size=size,
                turn=turn,
                n=len(words) + n,
                field=True,
            )


def _away(word: Word, left: float, right: float) -> float:
    """Return how far a word is from a box, sideways."""
    return max(left - word.right, word.left - right, 0.0)


def _remark(annotation: Any, kind: int, written: str) -> Iterator[str]:
    """Yield what a reader wrote; a copy of the marked words is no remark."""
    text = _key(annotation, b"Contents")
    bare = "".join(text.split())
    if not bare:
        return
    if kind in (raw.FPDF_ANNOT_HIGHLIGHT, raw.FPDF_ANNOT_UNDERLINE) and bare in written:
        return
    if kind == raw.FPDF_ANNOT_FREETEXT:
        yield text
        return
    author = " ".join(_key(annotation, b"T").split())
    yield f"Comment by {author}: {text}" if author else f"Comment: {text}"


def _key(annotation: Any, key: bytes) -> str:
    """Return a string of the annotation's dictionary."""
    return _string(
        lambda a, buffer, size: raw.FPDFAnnot_GetStringValue(a, key, buffer, size), annotation
    )
