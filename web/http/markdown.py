"""A model's Markdown as HTML for the page: parsed without HTML of its own, then sanitised."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt

#: An answer of more characters is shown as the text that it is: the worst takes a second to parse.
MOST: Final = 40_000
#: The page has two levels of headings above an answer's.
_LEVELS_ABOVE: Final = 2
_LOWEST: Final = 6

_TAGS: Final = frozenset({
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
})  # fmt: skip
#: `*` means those that any element may have, of which nh3 would let some pass.
_ATTRIBUTES: Final = {"*": frozenset[str](), "a": {"href"}, "ol": {"start"}}
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
#: Only an address in full leads somewhere that a reader can judge.
_ADDRESS: Final = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)

#: Markers of sources become these while the text is parsed: `[1]` could be part of a link.
_MARKER: Final = re.compile(r"\[(\d{1,3})\]")
_OPEN, _CLOSE = "\ue000", "\ue001"
_HIDDEN: Final = re.compile(f"{_OPEN}([0-9]{{1,3}}){_CLOSE}")


def with_html(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a *job* as shown, with `answer_html` where a language model wrote its answer."""
    result = job.get("result") or {}
    if "answer" not in result or result.get("generator") == "extractive":
        return dict(job)
    if len(result["answer"]) > MOST:
        return dict(job)
    return dict(job) | {"result": result | {"answer_html": html_of(result["answer"])}}


def html_of(text: str) -> str:
    """
    Return Markdown (CommonMark, with tables) as HTML of few elements.

    HTML in the text stays the letters that it is. Images become links, and links lead to whole
    addresses alone. Markers of sources stay `[n]`, whatever stands around them.
    """
    plain = text.replace(_OPEN, "").replace(_CLOSE, "")
    parser = _parser()
    environment: dict[str, Any] = {}
    tokens = parser.parse(_MARKER.sub(rf"{_OPEN}\1{_CLOSE}", plain), environment)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_LOWEST, int(token.tag[1:]) + _LEVELS_ABOVE)}"
    html: str = parser.renderer.render(tokens, parser.options, environment)
    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_attribute,
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )
    return _HIDDEN.sub(r"[\1]", clean)


@cache
def _parser() -> MarkdownIt:
    """
    Return the parser, made when first asked for.

    Without references: a model that lists its sources as `[1]: …` would turn markers into links.
    """
    parser = MarkdownIt("commonmark", {"html": False})
    return parser.enable(["table", "strikethrough"]).disable(["image", "reference"])


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return an attribute's value, None to leave the attribute out."""
    if (tag, name) == ("a", "href"):
        return value if _ADDRESS.fullmatch(value) else None
    return value
