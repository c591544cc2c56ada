"""Which parts of a page are no text of its own: menus, dialogs, consent, and what is hidden."""

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Elements without words for a reader. `rt`, `rp` and `rtc` are readings, set above their words.
UNSEEN: Final = frozenset(
    {"script", "style", "noscript", "template", "head", "nav", "svg", "iframe", "object", "audio"}
    | {"video", "canvas", "select", "datalist", "frameset", "-comment", "!doctype", "rt", "rp"}
    | {"rtc", "annotation", "annotation-xml"}
)
_MENU_ROLES: Final = frozenset({"navigation", "search", "menu", "menubar", "toolbar", "tablist"})
_DIALOG_ROLES: Final = frozenset({"dialog", "alertdialog"})
_HIDING = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
# What consent managers and their imitators call their boxes.
_CONSENT = re.compile(
    r"(?:cookie|consent|gdpr|ccpa|privacy)[-_]?(?:\w{1,20}[-_])?"
    r"(?:banner|consent|notice|bar|popup|pop-up|modal|dialog|overlay|law|wall|message|manager|box)"
    r"|onetrust|cookiebot|didomi|usercentrics|qc-cmp2?|sp_message_container|fc-consent|truste[_-]",
    re.IGNORECASE,
)
_MOST_CONSENT = 6000  # characters of a consent box
_ICON = re.compile(r"material-symbols|icon|\bfa-", re.IGNORECASE)
_ANCHOR_SIGNS: Final = frozenset("#¶§🔗")
_ARTICLE_BYTES = 100  # of UTF-8 without blanks that make a hidden part an article


def role_of(attributes: dict[str, str | None]) -> str:
    """Return the first role that an element names, lower case, or nothing."""
    role = attributes.get("role")
    return role.split()[0].lower() if role and not role.isspace() else ""


def is_menu(attributes: dict[str, str | None]) -> bool:
    """Return True if an element is there to move about the site."""
    return role_of(attributes) in _MENU_ROLES


def is_dialog(attributes: dict[str, str | None], tag: str) -> bool:
    """Return True if an element is a dialog over the page; an open one without a role is not."""
    if role_of(attributes) in _DIALOG_ROLES or attributes.get("aria-modal") == "true":
        return True
    return tag == "dialog" and "open" not in attributes


def names_consent(tag: str, attributes: dict[str, str | None]) -> bool:
    """Return True if an element is called as the boxes that ask for consent are."""
    if tag not in ("div", "section", "aside", "form"):
        return False
    return bool(_CONSENT.search(f"{attributes.get('id') or ''} {attributes.get('class') or ''}"))


def is_consent(node: LexborNode) -> bool:
    """Return True if an element that is called so is a box, and not the page."""
    if node.css_first("main, article, h1, [role=main]") is not None:
        return False
    return len(node.text(deep=True)) <= _MOST_CONSENT


def is_hidden(attributes: dict[str, str | None]) -> bool:
    """
    Return True if an element is hidden by its own attributes.

    `aria-hidden` says no such thing: it hides an element from screen readers alone, and dialogs
    set it on the whole page behind them. `hidden=until-found` is found by a search.
    """
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    style = attributes.get("style")
    return bool(style and _HIDING.search(style))


def is_ornament(node: LexborNode, tag: str, attributes: dict[str, str | None]) -> bool:
    """Return True for an icon of a font, and the sign that links a heading to itself."""
    if tag not in ("a", "i", "span"):
        return False
    name = attributes.get("class") or ""
    if tag == "a":
        text = node.text(deep=True).strip()
        return text in _ANCHOR_SIGNS and (attributes.get("href") or "").startswith("#")
    return attributes.get("aria-hidden") == "true" and bool(_ICON.search(name))


def is_article(node: LexborNode) -> bool:
    """Return True if a hidden element holds what the page is about: paragraphs or headings."""
    if node.css_first("p, h1, h2, h3, li, article, main, table") is None:
        return False
    return weight(node.text(deep=True)) >= _ARTICLE_BYTES


def weight(text: str) -> int:
    """Return the bytes of UTF-8 without blanks: a character of Chinese weighs as three letters."""
    return len("".join(text.split()).encode("utf-8", "replace"))


def main_parts(tree: LexborHTMLParser) -> list[LexborNode]:
    """Return the elements that a page says hold what it is about: `main`, else one `article`."""
    mains = _outermost(tree.css("main, [role=main]"))
    if mains:
        return mains
    articles = _outermost(tree.css("article"))
    return articles if len(articles) == 1 else []


def _outermost(nodes: list[LexborNode]) -> list[LexborNode]:
    """Return those of *nodes* that stand in no other, and in nothing that is no text."""
    ids = {node.mem_id for node in nodes}
    found = []
    for node in nodes:
        above = node.parent
        while above is not None and above.mem_id not in ids and above.tag not in UNSEEN:
            above = above.parent
        if above is None:
            found.append(node)
    return found
