"""SmartArt: the words of a diagram as a nested list (ECMA-376, part 1, 21.4)."""

from lxml import etree

from adapters.parsing.drawings.slide_paragraphs import paragraph_text
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.packages import below, whole

_NODES = frozenset({"node", "asst"})
_MOST_DEPTH = 20


def diagram_lines(root: etree._Element) -> list[str]:
    """Return a line for each node of a diagram's data, indented below the one it belongs to."""
    texts = {}
    for n, point in enumerate(below(root, "pt")):
        if point.get("type", "node") in _NODES:
            parts = [one_line(paragraph_text(p)) for p in below(point, "p")]
            texts[point.get("modelId") or f"\0{n}"] = " ".join(part for part in parts if part)
    children: dict[str, list[tuple[int, str]]] = {}
    held = set()
    for link in below(root, "cxn"):
        source, target = link.get("srcId", ""), link.get("destId", "")
        if link.get("type", "parOf") == "parOf" and target in texts:
            children.setdefault(source, []).append((whole(link.get("srcOrd")), target))
            if source in texts:
                held.add(target)
    tops = [
        target for links in children.values() for _, target in sorted(links) if target not in held
    ]
    tops.extend(name for name in texts if name not in held and name not in tops)
    lines = []
    seen: set[str] = set()
    stack = [(name, 0) for name in reversed(tops)]
    while stack:
        name, depth = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        if texts[name]:
            lines.append(f"{'  ' * min(depth, _MOST_DEPTH)}- {texts[name]}")
        deeper = sorted(children.get(name, []), reverse=True)
        stack.extend((target, depth + bool(texts[name])) for _, target in deeper)
    return lines
