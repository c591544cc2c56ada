"""The API's description as a page for people: no scripts, nothing from elsewhere."""

import json
from html import escape
from typing import Any, Final

DOCS_STYLE: Final = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8884; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow: auto; padding: .75rem; background: #8881; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
summary { cursor: pointer; padding: .35rem 0; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
"""


def docs_page(document: dict[str, Any]) -> str:
    """Write an OpenAPI document as HTML."""
    told = document["info"]
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width">',
        f"<title>{escape(told['title'])} API</title>",
        '<link rel=stylesheet href="docs.css"></head><body>',
        f"<h1>{escape(told['title'])} API <small>{escape(told['version'])}</small></h1>",
        f"<p>{escape(told['description'])} Machine-readable: ",
        '<a href="openapi.json">openapi.json</a>.</p>',
    ]
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            entry = _operation(path, method, operation)
            tags.setdefault(operation["tags"][0], []).append(entry)
    for tag, entries in tags.items():
        parts += [f"<h2>{escape(tag)}</h2>", *entries]
    parts.append("<h2>Schemas</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f'<details id="{escape(name)}"><summary>{escape(name)}</summary>')
        parts.append(f"<pre>{escape(json.dumps(schema, indent=2))}</pre></details>")
    parts.append("</body></html>")
    return "\n".join(parts)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    """Write one method of a path."""
    rows = [
        f"<tr><td><code>{escape(given['name'])}</code></td><td>{escape(given['in'])}</td>"
        f"<td><code>{escape(json.dumps(given['schema']))}</code></td></tr>"
        for given in operation.get("parameters", [])
    ]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        rows.append(f"<tr><td>body</td><td>{escape(media)}</td><td>{_schema(content)}</td></tr>")
    for status, answer in operation["responses"].items():
        contents = answer.get("content", {}).values()
        named = " ".join(_schema(content) for content in contents)
        rows.append(
            f"<tr><td>{escape(status)}</td><td>{named}</td>"
            f"<td>{escape(answer['description'])}</td></tr>"
        )
    return (
        f"<details><summary><span class=method>{escape(method.upper())}</span> "
        f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
        f"<table>{''.join(rows)}</table></details>"
    )


def _schema(content: dict[str, Any]) -> str:
    """Name a content's schema, as a link where it has a name."""
    name = content["schema"].get("$ref", "").rsplit("/", 1)[-1]
    return f'<a href="#{escape(name)}">{escape(name)}</a>' if name else ""
