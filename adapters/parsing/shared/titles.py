"""Titles of documents: those that authors gave, told from what programs fill in."""

import re
from typing import Final

from adapters.parsing.shared.assembly import sane_title

#: What a program calls a new file, with or without a number.
_KINDS: Final = (
    r"document|dokument|documento|doc|документ|文档|文書|ドキュメント|문서"
    r"|presentation|pr[äe]sentation|présentation|presentación|presentazione|apresentação"
    r"|презентация|演示文稿|プレゼンテーション|프레젠테이션"
    r"|workbook|arbeitsmappe|worksheet|spreadsheet|template|vorlage|modèle|plantilla|modello|normal"
)
#: What may be a title unless a number stands behind it.
_COUNTED: Final = (
    r"book|mappe|classeur|libro|cartel|книга|工作簿|tabelle|sheet|slide|folie|diapositive"
    r"|diapositiva|drawing|page|file|scan"
)
_NAMELESS: Final = (
    r"untitled|unbenannt|ohne titel|sans titre|sin t[íi]tulo|senza (?:titolo|nome)|sem t[íi]tulo"
    r"|naamloos|namnlös|uden titel|uten navn|nimetön|bez (?:tytułu|názvu)|без (?:имени|названия)"
    r"|безымянный|名称未設定|無題|无标题|無標題|제목 없음|no title|no name|unnamed"
)
_PROGRAM: Final = r"microsoft (?:office )?(?:word|excel|power ?point|visio|publisher)"
_FILES: Final = (
    r"docx?|docm|dot[xm]?|rtf|od[tspg]|wpd|pdf|tex|dvi|ps|indd|qxd|pptx?|pptm|xlsx?|xlsm"
    r"|xlsb|csv|txt|html?|eps|cdr|vsdx?"
)
_MADE_UP = re.compile(
    rf"{_PROGRAM}(?: - .*|[ -](?:{_KINDS}))?"
    rf"|(?:(?:{_PROGRAM}|power ?point|word|excel|new|neues?)[ -]+)?"
    rf"(?:{_KINDS})(?:[ -](?:d[eio] )?(?:{_PROGRAM}|power ?point|word|excel))?[ _-]*\(?\d{{0,4}}\)?"
    rf"|(?:new )?(?:{_COUNTED})[ _-]?\(?\d{{1,4}}\)?"
    rf"|(?:{_NAMELESS})(?:\b.*)?"
    r"|(?:(?:document|page|presentation) )?(?:title|titel|titre|t[íi]tulo|titolo)"
    rf"|\S.*\.(?:{_FILES})"
    r"|about:blank|full page photo|(?:file|https?)://\S*",
    re.IGNORECASE,
)


def given_title(text: str | None) -> str | None:
    """Return a title as `sane_title` does, None where it only names the program or file."""
    title = sane_title(text)
    return None if title is None or _MADE_UP.fullmatch(title) else title
