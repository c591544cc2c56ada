"""Which elements of a page its own style sheets hide, as a browser with a wide screen would."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

_WIDTH = 1280  # pixels of the screen that media queries are asked for
_MOST_RULES = 5_000
_MOST_STEPS = 20_000_000  # elements times selectors that are compared
_MOST_STYLE = 2_000_000  # characters of style sheets that are read
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_HIDING = re.compile(
    r"(?:^|[;{\s])(display|visibility)\s*:\s*([\w-]+)\s*(!\s*important)?", re.IGNORECASE
)
_STYLE_ELEMENT = re.compile(r"<style\b.*?(?:</style\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r"[.#]([\w-]+)")
_STATE = re.compile(  # selectors that hold only while something happens, or for no element
    r":(?:hover|focus|active|target|visited|checked|before|after|placeholder|selection|open)|::|\\",
    re.IGNORECASE,
)
_PIXELS = re.compile(r"(min|max)-(?:device-)?width\s*:\s*([\d.]+)\s*(px|em|rem)?", re.IGNORECASE)
_EM = 16  # pixels


@dataclass(frozen=True, slots=True)
class _Rule:
    """One selector of a rule that shows or hides; of two rules the greater *weight* wins."""

    selector: str
    attribute: str  # display or visibility
    hides: bool
    weight: tuple[bool, int, int, int, int]


def hidden_elements(tree: LexborHTMLParser, source: str) -> frozenset[int]:
    """
    Return the `mem_id` of elements that `<style>` sheets hide by `display` or `visibility`.

    The cascade is that of CSS 2.2, 6.4.1: importance, specificity, order. Sheets for print, rules
    for narrow screens and for states such as `:hover` are not counted.
    """
    sheets = [
        node.text(deep=True)
        for node in tree.css("style")
        if _shown_on_screen((node.attributes.get("media") or "").lower())
    ]
    sheet = "\n".join(sheets)
    if "none" not in sheet and "hidden" not in sheet:
        return frozenset()
    rules = list(_rules(sheet[:_MOST_STYLE]))
    if not any(rule.hides for rule in rules):
        return frozenset()
    body = _STYLE_ELEMENT.sub("", source)
    budget = _MOST_STEPS // max(body.count("<"), 1)
    won: dict[tuple[int, str], _Rule] = {}
    for rule in sorted(rules, key=lambda rule: not rule.hides):
        if not rule.hides and not won:
            break
        if not all(name in body for name in _NAME.findall(rule.selector)):
            continue
        budget -= 1
        if budget < 0:
            break
        _apply(rule, tree, won)
    return frozenset(element for (element, _), rule in won.items() if rule.hides)


def _apply(rule: _Rule, tree: LexborHTMLParser, won: dict[tuple[int, str], _Rule]) -> None:
    """Let a rule win over those of less weight at all elements that it selects."""
    try:
        nodes = tree.css(rule.selector)
    except SelectolaxError:
        return
    for node in nodes:
        key = (node.mem_id, rule.attribute)
        known = won.get(key)
        if known is None and not rule.hides:
            continue
        if known is None or rule.weight >= known.weight:
            won[key] = rule


def _rules(sheet: str) -> Iterator[_Rule]:
    """Yield a rule for each selector whose declarations say how its elements are shown."""
    for order, (selectors, declarations) in enumerate(_blocks(_COMMENT.sub(" ", sheet))):
        if order > _MOST_RULES:
            return
        said = {
            name.lower(): (value.lower(), bool(important))
            for name, value, important in _HIDING.findall(declarations)
        }
        for attribute, (value, important) in said.items():
            hides = value == ("none" if attribute == "display" else "hidden")
            for selector in selectors.split(","):
                if (bare := selector.strip()) and not _STATE.search(bare):
                    yield _Rule(bare, attribute, hides, (important, *_specificity(bare), order))


def _blocks(sheet: str) -> Iterator[tuple[str, str]]:
    """Yield (selectors, declarations) of the rules that hold on a wide screen."""
    at = 0
    skipped = 0  # depth of braces inside an at-rule that does not hold
    head = ""
    for brace in _BRACE.finditer(sheet):
        piece = sheet[at : brace.start()].strip()
        at = brace.end()
        if skipped:
            skipped += 1 if brace[0] == "{" else -1
        elif brace[0] == "}":
            if head:
                yield head, piece
            head = ""
        else:
            head = piece.rpartition(";")[2].strip()
            if head.startswith("@"):
                skipped = 0 if _holds(head.lower()) else 1
                head = ""


def _holds(rule: str) -> bool:
    """Return True if the rules inside an at-rule are used."""
    name, _, condition = rule.partition(" ")
    if name == "@media":
        return _shown_on_screen(condition)
    return name in ("@supports", "@layer", "@container", "@scope")


def _shown_on_screen(media: str) -> bool:
    """Return True if a media query holds for a light, wide screen."""
    if not media:
        return True
    return any(_one_holds(query) for query in media.split(","))


def _one_holds(query: str) -> bool:
    """Return True if one media query of a list holds."""
    if "not " in query or any(word in query for word in ("print", "speech", "dark", "reduce")):
        return "not print" in query
    for bound, number, unit in _PIXELS.findall(query):
        try:
            width = float(number) * (_EM if unit in ("em", "rem") else 1)
        except ValueError:
            return False
        if (bound == "max" and width < _WIDTH) or (bound == "min" and width > _WIDTH):
            return False
    return True


def _specificity(selector: str) -> tuple[int, int, int]:
    """Return how many ids, classes and elements a selector names."""
    ids = selector.count("#")
    classes = selector.count(".") + selector.count("[") + selector.count(":")
    names = len(re.findall(r"(?:^|[\s>+~(])[a-zA-Z]", selector))
    return ids, classes, names
