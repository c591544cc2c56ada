"""PDF: which hyphens at line ends cut a word, and which belong to it."""

import re
from collections import Counter

from adapters.parsing.pdf.lines import Line

#: Stands in a joined text where a line ended in a hyphen and the next one goes on.
CUT = "\x01"
#: Stands in a joined text where a page of the original begins.
TURN = "\x00"

_HYPHENS = "-\xad‐"  # noqa: RUF001 - a hyphen and a soft one are meant
_REACH = 100  # characters of a word or an address that are looked at
_TAIL = re.compile(r"\S*$")
_TOKEN = re.compile(r"\S{0,100}")
_WORD = re.compile(r"[^\W\d_]+")
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_ENDS_CUT = re.compile(rf"[^\W_][{_HYPHENS}]$|[/_.=&][{_HYPHENS}]$")
_ADDRESS = re.compile(r"[@/\\_=&~#%+]|\d|www\.|\w\.\w|:\w|-")
_SOFT = re.compile("(?<=\\w)\xad(?=\\w)")
#: After a hyphen left hanging: long- and short-term, Vor- und Nachteile, court- ou moyen-terme.
_AND = re.compile(
    r"and|or|to|und|oder|bzw|sowie|bis|et|ou|y|o|u|e|ed|od|en|of|och|eller|og|i|a|oraz|lub|"
    r"nebo|and/or",
    re.IGNORECASE,
)
#: Words made of two that stand alone too, and are never written with a hyphen.
_SOLID = re.compile(
    r"without|within|into|onto|upon|cannot|another|however|whatever|whenever|wherever|whoever|"
    r"therefore|therein|thereof|thereby|thereafter|wherein|whereas|whereby|hereby|herein|"
    r"hereafter|someone|something|somebody|sometimes|somewhere|somehow|anyone|anything|"
    r"anybody|anywhere|everyone|everything|everybody|everywhere|nobody|nothing|nowhere|today|"
    r"tomorrow|together|itself|himself|herself|myself|yourself|ourselves|themselves|outside|"
    r"inside|because|become|before|behind|below|beside|besides|between|beyond|along|among|"
    r"around|about|above|across|after|against|already|although|always|almost|also|away|"
    r"forward|backward|upward|downward|furthermore|moreover|nevertheless|nonetheless|"
    r"notwithstanding|otherwise|throughout|toward|towards|under|until|whether|whole|meantime|"
    r"meanwhile|maybe|indeed|instead|overall",
    re.IGNORECASE,
)


def is_cut(text: str, following: str) -> bool:
    """Return True if a line may end within a word that the next one goes on with."""
    return bool(_ENDS_CUT.search(text[-2:])) and following[:1].isalnum()


class Vocabulary:
    """The whole words of a document, by which the hyphens at its line ends are judged."""

    def __init__(self) -> None:
        self._words: Counter[str] = Counter()
        self._compounds: set[str] = set()

    def learn(self, lines: list[Line]) -> None:
        """Take in the words of lines that follow each other, without those that a line end cuts."""
        cut = False
        for line in lines:
            text = line.text.lower()
            words = _WORD.findall(text)
            if cut:
                words = words[1:]
            cut = text[-1:] in _HYPHENS
            if cut:
                words = words[:-1]
            self._words.update(words)
            if "-" in text:
                self._compounds.update(_COMPOUND.findall(text.rstrip(_HYPHENS)))

    def joined(self, text: str) -> str:
        """Return *text* with the words whole that line ends had cut."""
        if "\xad" in text:
            text = _SOFT.sub("", text)
        first, *rest = text.split(CUT)
        parts = [first]
        for part in rest:
            words = part.lstrip(TURN)
            turn, before = part[: len(part) - len(words)], parts[-1]
            after = _TOKEN.match(words)
            head = _TAIL.search(before[-_REACH:-1])
            hyphen = self._between(head[0] if head else "", before[-1:], after[0] if after else "")
            parts[-1] = before[:-1] + hyphen
            parts.append(turn + words)
        return "".join(parts)

    def _between(self, before: str, hyphen: str, after: str) -> str:
        """Return what stands between two halves at a line end."""
        first, second = _LAST_WORD.search(before), _WORD.match(after)
        if hyphen == "\xad":
            return ""
        if first and second and not _ADDRESS.search(before) and not _in_address(after, second):
            if _AND.fullmatch(second[0]) and len(after) == len(second[0]):
                return "" if self._words[(first[0] + second[0]).lower()] else "- "
            if self._is_word(first[0], second[0]):
                return ""
        return "-"

    def _is_word(self, a: str, b: str) -> bool:
        """Return True if the halves *a* and *b* are one word that the line's end has cut."""
        whole, first = (a + b).lower(), a.lower()
        if not b.islower() or a[1:] != first[1:] or (len(a) == 1 and a != first):
            return False  # AB-cd, Jean-Paul, A-b
        if self._words[whole] or _SOLID.fullmatch(whole):
            return True
        apart = self._words[first] and self._words[b] and min(len(a), len(b)) > 1
        return not apart and f"{first}-{b}" not in self._compounds


def _in_address(after: str, word: re.Match[str]) -> bool:
    """Return True if the second half goes on as an address or a part number does."""
    rest = after[word.end() :]
    return bool(re.match(r"[@/\\_=~\d]|\.\w|:/", rest))
