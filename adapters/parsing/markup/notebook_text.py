"""Jupyter notebooks: the words and code of their cells, and what the code printed."""

import re
from typing import Any, Final

from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.markup.markdown_text import parse_markdown
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.nesting import embed
from adapters.parsing.shared.noise import Noise
from rag.documents import ParsedDocument

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_FIGURE = re.compile(r"<(?:Figure size|[\w.]+ object at 0x|IPython\.core\.display\.)[^>]*>\s*\Z")
_MOST_OUTPUT = 50_000  # characters of one output
#: Forms of one output, the first that is there is taken.
_FORMS: Final = ("text/plain", "text/markdown", "text/latex", "text/html")


def is_notebook(value: Any) -> bool:
    """Return True if parsed JSON is a notebook (nbformat 3 or 4)."""
    if not isinstance(value, dict) or "nbformat" not in value:
        return False
    return isinstance(value.get("cells"), list) or isinstance(value.get("worksheets"), list)


def parse_notebook(notebook: dict[str, Any]) -> ParsedDocument:
    """Return the cells of a parsed notebook in order; pictures and widgets are left out."""
    reader = _Reader()
    for cell in _cells(notebook):
        if isinstance(cell, dict):
            reader.cell(cell)
    reader.out.note(*reader.noise.notes())
    return reader.out.document("notebook", title=reader.title)


def _cells(notebook: dict[str, Any]) -> list[Any]:
    """Return the cells of a notebook; format 3 kept them in worksheets."""
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
    return [cell for sheet in sheets for cell in sheet.get("cells") or []]


def _joined(value: Any) -> str:
    """Return text that a notebook keeps whole or as a list of lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


class _Reader:
    """Writes cells into an assembly."""

    def __init__(self) -> None:
        self.out = Assembly()
        self.noise = Noise()
        self.title: str | None = None

    def cell(self, cell: dict[str, Any]) -> None:
        """Write one cell and what it put out."""
        kind = cell.get("cell_type")
        source = _joined(cell.get("source") or cell.get("input"))
        if kind == "markdown":
            self._markdown(source)
        elif kind == "heading":  # format 3
            level = str(cell.get("level") or "1")
            self.out.add("heading", source, level=int(level) if level in "123456" else 1)
        elif kind == "code":
            self.out.add("code", self.noise.without(source))
            for output in cell.get("outputs") or []:
                if isinstance(output, dict):
                    self._output(output)
        else:
            self.out.add("paragraph", self.noise.without(source))

    def _markdown(self, source: str) -> None:
        """Write the blocks of a Markdown text."""
        document = parse_markdown(source)
        self.title = self.title or document.title
        embed(self.out, document)

    def _output(self, output: dict[str, Any]) -> None:
        """Write one output as what a terminal would show."""
        if output.get("output_type") in ("error", "pyerr"):
            trace = output.get("traceback")
            lines = (
                [line for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
            )
            self._printed("\n".join(lines) or f"{output.get('ename')}: {output.get('evalue')}")
            return
        if "text" in output and output.get("output_type") == "stream":
            self._printed(_joined(output["text"]))
            return
        data = output.get("data")
        forms = data if isinstance(data, dict) else _old_forms(output)
        pictures = any(str(form).startswith(("image/", "application/")) for form in forms)
        form = next((form for form in _FORMS if _joined(forms.get(form))), "")
        text = _joined(forms.get(form))
        if pictures and (not text or _FIGURE.match(text.strip())):
            self.out.note("Pictures and widgets that the notebook shows were left out.")
        elif form == "text/html":
            self._page(text)
        elif form == "text/markdown":
            self._markdown(text)
        else:
            self._printed(text)

    def _page(self, text: str) -> None:
        """Write an output that is HTML alone."""
        document = parse_html(text)
        for block in document.blocks:
            piece = document.text[block.start : block.end]
            self.out.add(block.kind, piece, header=piece[: block.header].count("\n"))

    def _printed(self, text: str) -> None:
        """Write printed text as it stood at the end, without colours."""
        lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
        # Progress bars draw over their own line: what was drawn last stands.
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
        text = self.noise.without(text)
        if len(text) > _MOST_OUTPUT:
            text = text[:_MOST_OUTPUT].rpartition("\n")[0] or text[:_MOST_OUTPUT]
            self.out.note(
                f"Of outputs longer than {_MOST_OUTPUT:,} characters the end was left out."
            )
        self.out.add("code", text)


def _old_forms(output: dict[str, Any]) -> dict[str, Any]:
    """Return the forms of an output of format 3, which names them otherwise."""
    names = {"text": "text/plain", "html": "text/html", "latex": "text/latex", "png": "image/png"}
    return {form: output[name] for name, form in names.items() if name in output}
