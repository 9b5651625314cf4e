"""The OpenAPI document as one page of HTML, without scripts and without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9rem; }
pre { overflow-x: auto; padding: 0.5rem 1rem; border-left: 4px solid #8886; }
summary { cursor: pointer; padding: 0.5rem 0; }
summary b { display: inline-block; min-width: 4rem; }
table { border-collapse: collapse; margin: 0.5rem 0; }
td, th { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; }
details details { margin-left: 1rem; }
"""
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def docs_page(document: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    document : mapping
        As `workbench.server.openapi.describe` gives it.

    Returns
    -------
    str
        HTML; all text of the document is escaped.
    """
    about = document["info"]
    operations = "".join(
        _operation(document["servers"][0]["url"], path, method, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    )
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(about["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(about['title'])} <small>{escape(about['version'])}</small></h1>"
        f"<p>{escape(about['description'])}</p><h2>Routes</h2>{operations}<h2>Models</h2>{schemas}</html>"
    )


def _operation(base: str, path: str, method: str, described: Mapping[str, Any]) -> str:
    rows = "".join(
        _row(one["name"], one["in"], one.get("required", False), one["schema"], one.get("description", ""))
        for one in described.get("parameters", ())
    )
    bodies = "".join(
        f"<p>Body: <code>{escape(media)}</code> {_kind(content['schema'])}</p>"
        for media, content in described.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(
        f"<tr><td>{escape(status)}<td>{escape(answer['description'])}<td>{'<br>'.join(_media(answer))}"
        for status, answer in described["responses"].items()
    )
    example = f'curl -H "Authorization: Bearer $TOKEN" -X {method.upper()} "$SERVER{base}{path}"'
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {escape(described['summary'])}"
        f"</summary>{f'<table>{rows}</table>' if rows else ''}{bodies}<table>{answers}</table>"
        f"<pre>{escape(example)}</pre></details>"
    )


def _media(answer: Mapping[str, Any]) -> Iterator[str]:
    for media, content in answer.get("content", {}).items():
        yield f"<code>{escape(media)}</code> {_kind(content.get('schema', {}))}"


def _row(name: str, where: str, required: bool, schema: Mapping[str, Any], about: str) -> str:
    said = "" if not required else "required"
    return f"<tr><td><code>{escape(name)}</code><td>{where}<td>{said}<td>{_kind(schema)}<td>{escape(about)}"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    rows = "".join(
        _row(field, "", field in schema.get("required", ()), kind, kind.get("description", ""))
        for field, kind in schema.get("properties", {}).items()
    )
    about = escape(schema.get("description", "").strip())
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code> {about}</summary><table>{rows}</table>'
        f"</details>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """Say what a schema takes, in a few words; a model is linked."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_kind(one) for one in schema[several])
    if "enum" in schema:
        return escape(", ".join(json.dumps(one) for one in schema["enum"]))
    if schema.get("type") == "array":
        return f"array of {_kind(schema.get('items', {})) or 'several'}"
    bounds = [
        f"{sign} {schema[word]}"
        for word, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if word in schema
    ]
    return escape(" ".join([str(schema.get("type", "")), *bounds]))
