"""The description of an HTTP interface as one plain page: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem;
       color: #1c1c1c; background: #fff; }
h2 { border-top: 1px solid #ccc; padding-top: 1rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: #f4f4f4; padding: .75rem; overflow-x: auto; }
td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616; } pre { background: #242424; } a { color: #8ab4f8; }
}
"""


def render(document: Mapping[str, Any]) -> str:
    """The OpenAPI `document` as HTML."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    parts = [
        "<!doctype html>", '<html lang="en">', '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title>", f"<style>{_STYLE}</style>", f"<h1>{title}</h1>",
        _prose(info.get("description", "")),
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>',
    ]  # fmt: skip
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.extend(_operation(path, method, operation))
    parts.append("<h2>Records</h2>")
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        parts.append(f'<h3 id="{escape(name)}">{escape(name)}</h3>')
        parts.append(_prose(schema.get("description", "")))
        parts.append(f"<pre>{escape(_json(schema))}</pre>")
    return "\n".join(part for part in parts if part)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
    yield _prose(operation.get("description") or operation.get("summary", ""))
    rows = [_parameter(one) for one in operation.get("parameters", ())]
    if rows:
        yield f"<table><tr><th>parameter<th>in<th>what it is</tr>{''.join(rows)}</table>"
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Takes <code>{escape(kind)}</code>: {_link(body.get('schema', {}))}</p>"
    told = [_response(status, one) for status, one in operation.get("responses", {}).items()]
    yield f"<table><tr><th>status<th>means<th>gives</tr>{''.join(told)}</table>"


def _parameter(one: Mapping[str, Any]) -> str:
    name = escape(one["name"]) + ("" if one.get("required") else " (optional)")
    told = escape(one.get("description", "")) or f"<code>{escape(_json(one['schema'], 0))}</code>"
    return f"<tr><td><code>{name}</code><td>{escape(one['in'])}<td>{told}</tr>"


def _response(status: str, one: Mapping[str, Any]) -> str:
    gives = ", ".join(
        f"<code>{escape(kind)}</code> {_link(body.get('schema', {}))}"
        for kind, body in one.get("content", {}).items()
    )
    return f"<tr><td>{escape(status)}<td>{escape(one.get('description', ''))}<td>{gives}</tr>"


def _link(schema: Mapping[str, Any]) -> str:
    name = escape(str(schema.get("$ref", "")).rpartition("/")[2])
    return f'<a href="#{name}">{name}</a>' if name else ""


def _prose(text: str) -> str:
    paragraphs = [part.strip() for part in text.split("\n\n")]
    return "".join(f"<p>{escape(part)}</p>" for part in paragraphs if part)


def _json(value: Any, indent: int | None = 1) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent or None)
