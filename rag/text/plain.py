"""Quotes as people read them: without the marks of Markdown and the strokes of tables."""

import re

from rag.text.table_headers import is_rule

#: What a line of Markdown begins with that is no word of it. Numbers stay: they may be a clause's.
_LEAD = re.compile(r"\s*(?:(?:>\s?)+|#{1,6}(?:\s+|$)|[-*+\u2022\u2023\u25aa\u25e6\u25cf]\s+)+")
_ITEM = re.compile(r"\s*(?:[-*+\u2022\u2023\u25aa\u25e6\u25cf]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s")
_TASK = re.compile(r"\[[ xX]\]\s+")
_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\]\([^()\s]{0,2000}(?:\s[^()\n]{0,300})?\)")
_LINK = re.compile(
    r"(?<![\w\]])\[([^\]\[\n]{1,300})\](?:\([^()\s]{0,2000}(?:\s[^()\n]{0,300})?\)|\[[^\]\n]{1,100}\])"
)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,2000})>")
_STRONG = re.compile(r"(?<![\w*\\])(\*{2,3})(?=[^\s*])([^\n]{1,600}?)(?<=[^\s*\\])\1(?![\w*])")
_STRONG_LINE = re.compile(
    # `__init__` is a name, not one word set in bold.
    r"(?<![\w_\\])__(?=[^\s_])((?:(?!__)[^\n]){0,600}?[^\w\n](?:(?!__)[^\n]){0,600}?|[A-Z][^\W_]*)"
    r"(?<=[^\s_\\])__(?![\w_])"
)
_EMPHASIS = re.compile(r"(?<![\w*\\/])\*(?=[^\s*])([^*\n]{1,600}?)(?<=[^\s*\\])\*(?![\w*])")
_EMPHASIS_LINE = re.compile(r"(?<![\w_\\/.])_(?=[^\s_])([^_\n]{1,600}?)(?<=[^\s_\\])_(?![\w_])")
_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)([^`\n]{1,600})(?<!`)\1(?!`)")
_PUT_BY = re.compile(r"\x00(\d+)\x00")
_STRUCK = re.compile(r"(?<!~)~~(?=\S)([^~\n]{1,600})(?<=\S)~~(?!~)")
_ESCAPED = re.compile(r"\\([*_#\[\]|`~])")
_SEPARATOR = re.compile(r"(?<!\\)\|")
_CLOSING_HASHES = re.compile(r"\s+#+\s*$")
_STOPS = tuple(".,;:!?\u3002\uff01\uff1f\uff1a\u2026\u2014\u2013")


def without_markup(text: str, *, row: bool = False) -> str:
    """
    Return a piece of a text on one line, without markup.

    Signs that mark headings, items, quotations, emphasis, code and links go, their words stay, as
    CommonMark 0.31 and GitHub's tables write them. Items of a list are parted by semicolons. Of a
    *row* the cells that are filled are told: two as `first: second`, more parted by semicolons.
    """
    if row and "|" in text:
        return _of_row(text)
    told = ""
    for line in text.split("\n"):
        if not line.strip() or is_rule(line.strip()):
            continue
        item = _ITEM.match(line) is not None
        words = _bare(line)
        parted = "; " if item and told and not told.endswith(_STOPS) else " "
        told = f"{told}{parted if told else ''}{words.strip()}"
    return " ".join(_inline(told).split()) or " ".join(text.split())


def _bare(line: str) -> str:
    """Return a line without what marks it as a heading, an item or a quotation."""
    lead = _LEAD.match(line)
    bare = line[lead.end() :] if lead else line
    if lead and (task := _TASK.match(bare)):
        return bare[task.end() :]
    return _CLOSING_HASHES.sub("", bare) if line.lstrip().startswith("#") else bare


def _of_row(text: str) -> str:
    """Write the cells of a row without names."""
    lines = [line for line in text.split("\n") if line.strip() and not is_rule(line.strip())]
    cells = [cell.strip() for line in lines for cell in _SEPARATOR.split(line)]
    filled = [_inline(cell) for cell in cells if cell]
    if len(filled) == 2:  # noqa: PLR2004 - a name and a value
        return " ".join(f"{filled[0].rstrip(':')}: {filled[1]}".split())
    return " ".join("; ".join(filled).split())


def _inline(text: str) -> str:
    """Take the marks off that stand inside a line; what is code stays as it is."""
    code: list[str] = []
    if "`" in text:

        def put_by(match: re.Match[str]) -> str:
            code.append(match[2])
            return f"\x00{len(code) - 1}\x00"

        text = _CODE.sub(put_by, text.replace("\x00", ""))
    if "[" in text:
        text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    if "<" in text:
        text = _AUTOLINK.sub(r"\1", text)
    if "*" in text:
        text = _EMPHASIS.sub(r"\1", _STRONG.sub(r"\2", text))
    if "_" in text:
        text = _EMPHASIS_LINE.sub(r"\1", _STRONG_LINE.sub(r"\1", text))
    if "~" in text:
        text = _STRUCK.sub(r"\1", text)
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", text)
    return _PUT_BY.sub(lambda match: code[int(match[1])], text) if code else text
