"""The numbers that Word gives to paragraphs: counters of its lists, kept over a whole document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lxml import etree

from adapters.parsing.docx.numerals import numeral
from adapters.parsing.docx.package import W
from adapters.parsing.docx.styles import Styles, switch, value
from adapters.parsing.shared.packages import whole

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
# A mark that says "item" to everybody; others, such as 2.2 or Article 3, name what they number.
_ITEM_FORMS = frozenset({"decimal", "decimalZero", "lowerLetter", "upperLetter"})
_ITEM_PATTERN = re.compile(r"\(?%[1-9][.)]")
_STYLE_CHAIN = 8  # a list may borrow its levels from a style, whose list may borrow them again


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands before a paragraph; *item* tells that it makes it an item of a plain list."""

    text: str
    item: bool


@dataclass(frozen=True, slots=True)
class _Level:
    """One level of a list; *restart* counts the levels that restart it, None for all above."""

    start: int = 1
    form: str = "decimal"
    pattern: str = ""
    restart: int | None = None
    legal: bool = False  # show the numbers of all levels in figures
    width: int = 0
    style: str = ""  # the paragraph style that is bound to the level

    @property
    def item(self) -> bool:
        """Whether the level's marks are those of a plain list."""
        return self.form in _ITEM_FORMS and bool(_ITEM_PATTERN.fullmatch(self.pattern.strip()))


@dataclass(frozen=True, slots=True)
class _List:
    """A `w:num`: levels, the abstract list whose counters it shares, and where it begins anew."""

    abstract: str
    levels: Mapping[int, _Level]
    restarts: Mapping[int, int]


@dataclass(slots=True)
class Numbering:
    """
    Hands out the marks of numbered paragraphs, in the order of the document.

    After ECMA-376, 17.9: counters belong to the abstract list, so that several lists count on; a
    list with its own start begins anew where it is first used. A level that has no number yet when
    one below it is used counts as its start.
    """

    lists: Mapping[str, _List] = field(default_factory=dict)
    _counters: dict[str, list[int | None]] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def level(self, num_id: str, *styles: str) -> int | None:
        """Return the level of a list that is bound to the first of *styles* that has one."""
        found = self.lists.get(num_id)
        bound = {level.style: n for n, level in found.levels.items()} if found else {}
        return next((bound[style] for style in styles if style and style in bound), None)

    def mark(self, num_id: str, ilvl: int) -> Mark | None:
        """Count a paragraph and return its mark, None where it has none."""
        found = self.lists.get(num_id)
        level = found.levels.get(ilvl) if found else None
        if found is None or level is None:
            return None
        counters = self._counters.setdefault(found.abstract, [None] * _LEVELS)
        if num_id not in self._used:
            self._used.add(num_id)
            for anew in found.restarts:
                counters[anew] = None
        now = counters[ilvl]
        counters[ilvl] = self._start(found, ilvl) if now is None else now + 1
        for below in range(ilvl + 1, _LEVELS):
            restart = found.levels[below].restart if below in found.levels else None
            if ilvl < (below if restart is None else restart):
                counters[below] = None
        return self._written(found, ilvl, counters)

    def _written(self, found: _List, ilvl: int, counters: list[int | None]) -> Mark | None:
        """Fill the pattern of a level with the numbers of the levels that it shows."""
        level = found.levels[ilvl]
        if level.form == "bullet":
            return Mark("-", item=True)

        def shown(place: re.Match[str]) -> str:
            at = int(place[1]) - 1
            source = found.levels.get(at, _Level())
            if at > ilvl or source.form in ("none", "bullet"):
                return ""
            number = counters[at]
            number = self._start(found, at) if number is None else number
            return numeral(number, "decimal" if level.legal else source.form, width=source.width)

        text = " ".join(_PLACE.sub(shown, level.pattern).split())
        return Mark(text, level.item) if text else None

    @staticmethod
    def _start(found: _List, ilvl: int) -> int:
        """Return the first number of a level."""
        start = found.levels[ilvl].start if ilvl in found.levels else 1
        return found.restarts.get(ilvl, start)


def read_numbering(root: etree._Element | None, styles: Styles) -> Numbering:
    """Read a numbering part; None is a file without one."""
    if root is None:
        return Numbering()
    abstract = {a.get(f"{W}abstractNumId", ""): a for a in root.iterfind(f"{W}abstractNum")}
    numbers = {n.get(f"{W}numId", ""): n for n in root.iterfind(f"{W}num")}
    levels: dict[str, dict[int, _Level]] = {}
    lists = {}
    for num_id, number in numbers.items():
        name = _resolved(value(number, "abstractNumId"), abstract, numbers, styles)
        if name not in levels:
            levels[name] = _levels(abstract[name]) if name in abstract else {}
        lists[num_id] = _list(number, name, levels[name])
    return Numbering(lists)


def _resolved(
    name: str,
    abstract: Mapping[str, etree._Element],
    numbers: Mapping[str, etree._Element],
    styles: Styles,
) -> str:
    """Follow `w:numStyleLink` to the abstract list that has the levels."""
    for _ in range(_STYLE_CHAIN):
        style = value(abstract.get(name), "numStyleLink")
        if not style or style not in styles.lists:
            break
        name = value(numbers.get(styles.lists[style]), "abstractNumId") or name
    return name


def _list(number: etree._Element, abstract: str, levels: Mapping[int, _Level]) -> _List:
    """Read a `w:num` with what it changes of its abstract list."""
    own = dict(levels)
    restarts = {}
    for change in number.iterfind(f"{W}lvlOverride"):
        ilvl = whole(change.get(f"{W}ilvl"), most=_LEVELS - 1)
        if (level := change.find(f"{W}lvl")) is not None:
            own[ilvl] = _level(level)
        if (start := change.find(f"{W}startOverride")) is not None:
            restarts[ilvl] = whole(start.get(f"{W}val"), 1)
    return _List(abstract, own, restarts)


def _levels(abstract: etree._Element) -> dict[int, _Level]:
    """Read the levels of an abstract list."""
    found = {}
    for level in abstract.iterfind(f"{W}lvl"):
        found[whole(level.get(f"{W}ilvl"), most=_LEVELS - 1)] = _level(level)
    return found


def _level(level: etree._Element) -> _Level:
    """Read one level."""
    restart = level.find(f"{W}lvlRestart")
    read = _Level(
        whole(value(level, "start"), 0 if level.find(f"{W}start") is None else 1),
        value(level, "numFmt") or "decimal",
        value(level, "lvlText"),
        whole(restart.get(f"{W}val"), most=_LEVELS) if restart is not None else None,
        switch(level, "isLgl", otherwise=False),
        style=value(level, "pStyle"),
    )
    # Newer forms, such as 001, hide behind a choice whose fallback is the plain form.
    for form in level.iter(f"{W}numFmt"):
        if form.get(f"{W}val") == "custom":
            example = form.get(f"{W}format", "").split(",")[0].strip()
            if example.isascii() and example.isdigit():
                read = replace(read, form="decimal", width=min(len(example), _LEVELS))
    return read
