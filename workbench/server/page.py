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
:root { --quiet: light-dark(#5f6368, #9aa0a6); --line: #8886; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; }
h1 small, .quiet { color: var(--quiet); font-weight: normal; }
a { color: light-dark(#0b57d0, #a8c7fa); }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9rem; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: 0.5rem 1rem; border-left: 4px solid var(--line); }
section > details { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: 0.5rem 0; }
summary b { display: inline-block; min-width: 4.5rem; }
summary .quiet { display: block; padding-left: 1rem; }
details[open] { padding-bottom: 1rem; }
table { display: block; overflow-x: auto; margin: 0.5rem 0; font-variant-numeric: tabular-nums; }
td { min-width: 3rem; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; }
form { max-width: 22rem; margin: 15vh auto 0; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { padding: 0.5rem; margin: 0.5rem 0 1rem; border: 1px solid var(--quiet); border-radius: 4px; }
button { cursor: pointer; border: 0; background: #0b57d0; color: white; }
[role=alert] { padding: 0.5rem 1rem; border-left: 4px solid light-dark(#b3261e, #f2b8b5); }
"""
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def page(title: str, body: str) -> str:
    """Put the inside of a page into one whose style `STYLE_HASH` allows; both are HTML."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{body}</html>'
    )


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
    title = escape(about["title"])
    return page(
        title,
        f"<h1>{title} <small>{escape(about['version'])}</small></h1><p>{escape(about['description'])}</p>"
        f"<section><h2>Routes</h2>{operations}</section><section><h2>Models</h2>{schemas}</section>",
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
    sent = " --json @request.json" if "requestBody" in described else ""
    example = f'curl -H "Authorization: Bearer $TOKEN" -X {method.upper()}{sent} "$SERVER{base}{path}"'
    return (
        f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code> "
        f'<span class="quiet">{escape(described["summary"])}</span></summary>'
        f"{f'<table>{rows}</table>' if rows else ''}{bodies}<table>{answers}</table>"
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
        # the name is inside, so that a link to it opens what is closed
        f'<details><summary><code>{escape(name)}</code> <span class="quiet">{about}</span></summary>'
        f'<table id="{escape(name)}">{rows}</table></details>'
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
    if "properties" in schema:
        return ", ".join(f"<code>{escape(name)}</code>: {_kind(one)}" for name, one in schema["properties"].items())
    if schema.get("type") == "array":
        return f"array of {_kind(schema.get('items', {})) or 'several'}"
    bounds = [
        f"{sign} {schema[word]}"
        for word, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if word in schema
    ]
    return escape(" ".join([str(schema.get("type", "")), *bounds]))
