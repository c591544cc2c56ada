"""What a PromQL expression asks for: metrics, matchers, labels it groups by. Enough for ours."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'"(?P<text>[^"]*)"|(?P<range>\[[^]]*\])|(?P<number>\d[\d.a-z]*)|(?P<word>[a-zA-Z_:][\w:]*)'
    r"|(?P<sign>=~|!~|!=|==|[{}(),=]|\S)"
)
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_KEYWORDS = _GROUPING | {"and", "or", "unless", "offset", "bool"}


@dataclass
class Asked:
    """Metrics with the matchers on each, (label, operator, value), and labels grouped by."""

    metrics: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)


def asked(expression: str) -> Asked:
    """Take *expression* apart."""
    tokens = [m for m in _TOKEN.finditer(expression) if not m["range"] and not m["number"]]
    found, at, metric = Asked(), 0, ""
    while at < len(tokens):
        word, after = tokens[at]["word"], tokens[at + 1].group() if at + 1 < len(tokens) else ""
        if word in _GROUPING and after == "(":
            at += 2
            while tokens[at].group() != ")":
                found.labels |= {tokens[at]["word"]} - {None}
                at += 1
        elif tokens[at].group() == "{":
            while tokens[at].group() != "}":
                if tokens[at]["word"]:
                    matcher = (tokens[at]["word"], tokens[at + 1].group(), tokens[at + 2]["text"])
                    found.metrics[metric].append(matcher)
                    at += 2
                at += 1
        elif word and word not in _KEYWORDS and after not in {"(", *_GROUPING}:
            metric = word
            found.metrics.setdefault(metric, [])
        at += 1
    return found
