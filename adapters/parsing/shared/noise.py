"""Bytes written as letters: data addresses, base64, hexadecimal dumps and minified scripts."""

import re
from dataclasses import dataclass
from typing import Final

_LONG: Final = 200  # characters without white space from which on letters may be encoded bytes
_LEAST: Final = 30  # characters of the shortest address of data
_LINE: Final = 56  # characters of the shortest line that encoded bytes are wrapped at
_SHORT_ADDRESS: Final = 32  # characters of data that an example in a text may have
_MINIFIED: Final = 400  # characters of a line from which on it may be a minified script
_MOST_JUDGED: Final = 4_000_000  # characters of lines that are compared with scripts
_DATA = re.compile(
    r"data:[a-z]{2,20}/[\w.+-]{1,80}(?:;[\w.+=-]{1,60}){0,4},[^\s\"'<>)\]]*", re.IGNORECASE
)
_ALPHABET: Final = "[A-Za-z0-9+/_-]"
_RUN = re.compile(rf"(?<![A-Za-z0-9+/_-]){_ALPHABET}{{{_LONG},}}={{0,2}}")
_WRAPPED = re.compile(
    rf"^[ \t>]*{_ALPHABET}{{{_LINE},120}}[ \t]*\n"
    rf"(?:[ \t>]*{_ALPHABET}{{{_LINE},120}}[ \t]*\n){{2,}}"
    r"(?:[ \t>]*[A-Za-z0-9+/]{1,120}={0,2}[ \t]*$)?",
    re.MULTILINE,
)
_HEX = re.compile(r"(?:[0-9a-f]*|[0-9A-F]*)\Z")
_SCRIPT_WORDS = re.compile(r"\bfunction\b|=>|\bvar |\breturn\b|\bthis\.|&&|\|\||\};|\.prototype\b")
_STYLE_RULE = re.compile(r"[\w.#:>\s,*\[\]=\"()-]{1,300}\{[\w-]+:[^{}]{1,2000}\}")


@dataclass(slots=True)
class Noise:
    """Takes noise out of pieces of a text and counts what it took."""

    pieces: int = 0
    characters: int = 0
    scripts: int = 0
    judged: int = 0  # characters of lines that were looked at closely

    def without(self, text: str) -> str:
        """Return *text* without data addresses, encoded bytes and lines of minified script."""
        if len(text) < _LEAST:
            return text
        longest = max(map(len, text.split()), default=0)
        if longest < _LEAST:
            return text
        if "data:" in text or "DATA:" in text:
            text = _DATA.sub(self._address, text)
        if longest >= _LONG:
            text = _RUN.sub(self._run, text)
        if text.count("\n") > 2:  # noqa: PLR2004 - lines that a wrapped run has at the least
            text = _WRAPPED.sub(self._lines, text)
        if len(text) >= _MINIFIED and "{" in text:
            text = "\n".join(map(self._line, text.split("\n")))
        return text

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind of noise that was taken out."""
        notes = []
        if self.pieces:
            notes.append(
                f"Encoded data was left out: {self.characters:,} characters of pictures or other"
                " bytes written as letters."
            )
        if self.scripts:
            notes.append("Lines of minified script or style sheet were left out.")
        return tuple(notes)

    def _address(self, found: re.Match[str]) -> str:
        """Take a data address out, unless it is as short as an example."""
        head, _, data = found[0].partition(",")
        if len(data) < _SHORT_ADDRESS and not head.lower().endswith(";base64"):
            return found[0]
        return self._taken(found[0])

    def _run(self, found: re.Match[str]) -> str:
        """Take a long run out if its characters are spread as those of encoded bytes are."""
        return self._taken(found[0]) if _encoded(found[0]) else found[0]

    def _lines(self, found: re.Match[str]) -> str:
        """Take wrapped bytes out: lines as long as each other, and no list of checksums."""
        lines = [line.strip(" \t>") for line in found[0].splitlines()]
        run = "".join(lines)
        same = len({len(line) for line in lines[:-1]}) == 1
        if len(run) < _LONG or not same or _HEX.match(run) or not _encoded(run):
            return found[0]
        return self._taken(found[0])

    def _line(self, line: str) -> str:
        """Take a line out if it is a minified script or style sheet."""
        if len(line) < _MINIFIED or "{" not in line or self.judged > _MOST_JUDGED:
            return line
        self.judged += len(line)
        if not _minified(line):
            return line
        self.scripts += 1
        return ""

    def _taken(self, piece: str) -> str:
        """Count a piece that goes, leaving the end of its last line."""
        self.pieces += 1
        self.characters += len(piece)
        return "\n" if piece.endswith("\n") else ""


def _encoded(run: str) -> bool:
    """Return True for base64 and hexadecimal digits, not for words, paths and rules."""
    if _HEX.match(run):
        return len(set(run)) > 8 and not run.isdigit()  # noqa: PLR2004 - of sixteen digits
    upper = sum("A" <= c <= "Z" for c in run)
    lower = sum("a" <= c <= "z" for c in run)
    digits = sum("0" <= c <= "9" for c in run)
    # Of random bytes two letters in five are upper case and one sign in six is a digit.
    return upper >= len(run) // 8 and lower >= len(run) // 20 and digits >= len(run) // 50


def _minified(line: str) -> bool:
    """Return True for a script or style sheet without blanks and line ends."""
    if line.count(" ") + line.count("\t") > len(line) // 8:
        return False
    if len(_SCRIPT_WORDS.findall(line)) * 100 >= len(line) and line.count("{") > 2:  # noqa: PLR2004
        return True
    rules = sum(len(rule) for rule in _STYLE_RULE.findall(line[:100_000]))
    return rules > 0.8 * min(len(line), 100_000)
