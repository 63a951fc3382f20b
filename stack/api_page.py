"""Show openapi.yaml as one page for people: no script, nothing from the network."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Node = Mapping[str, Any]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #0a66c2;
  --get: #1a7f37; --post: #9a6700; --patch: #8250df; --delete: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --link: #6cb6ff; --get: #57ab5a;
  --post: #c69026; --patch: #b083f0; --delete: #f47067; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 6rem; }
h1 { font-size: 2rem; margin: 0 0 .25rem; }
h2 { margin: 3rem 0 1rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { margin: 2.5rem 0 .5rem; font-size: 1.1rem; }
h4 { margin: 1.25rem 0 .4rem; font-size: .9rem; opacity: .75; }
a { color: var(--link); }
code { font: .875em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 4.4rem; font-weight: 700; }
.get { color: var(--get); } .post { color: var(--post); }
.patch { color: var(--patch); } .delete { color: var(--delete); }
nav ul { list-style: none; padding: 0; columns: 1; } nav li { padding: .1rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0;
  border-top: 1px solid var(--line); } th { font-weight: 600; }
details { margin: .5rem 0; padding: .5rem .75rem; background: var(--soft);
  border-radius: .5rem; } summary { cursor: pointer; }
ul.plain { margin: .25rem 0; padding-left: 1.2rem; }
"""


def render(document: Node) -> str:
    """Return the page as HTML."""
    info = document["info"]
    operations = list(_operations(document))
    by_tag: dict[str, list[tuple[str, str, Node]]] = {}
    for method, path, operation in operations:
        by_tag.setdefault(operation["tags"][0], []).append((method, path, operation))
    contents = "".join(
        f'<li><a href="#{o["operationId"]}">{_route(m, p)}</a> {_text(o["summary"])}'
        for m, p, o in operations
    )
    groups = "".join(
        f"<h2>{_text(tag.capitalize())}</h2>"
        + "".join(_operation(*each) for each in routes)
        for tag, routes in by_tag.items()
    )
    schemas = "".join(
        f'<h3 id="{name}">{_text(name)}</h3>{_schema(schema)}'
        for name, schema in document["components"]["schemas"].items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(info['title'])} API</title><style>{STYLE}</style><main>"
        f"<h1>{_text(info['title'])} API</h1>{_prose(info['description'])}"
        "<p>Send a key with every request: <code>Authorization: Bearer &lt;key&gt;"
        '</code>. As a file: <a href="/docs/openapi.yaml">openapi.yaml</a>.</p>'
        f"<nav><ul>{contents}</ul></nav>{groups}<h2>Schemas</h2>{schemas}"
        "</main></html>"
    )


def write_pages(openapi_file: Path, folder: Path) -> None:
    """Write the page and the file into a new *folder*, to be served from there."""
    text = openapi_file.read_text()
    folder.mkdir()
    (folder / openapi_file.name).write_text(text)
    (folder / "index.html").write_text(render(yaml.safe_load(text)))


def _operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    for path, methods in _resolved(document, document["paths"]).items():
        for method, operation in methods.items():
            yield method, path, operation


def _resolved(document: Node, node: Any) -> Any:
    """Put in the place of each reference what it refers to; those to schemas stay."""
    if isinstance(node, list):
        return [_resolved(document, each) for each in node]
    if not isinstance(node, dict):
        return node
    kind, _, name = node.get("$ref", "").removeprefix("#/components/").partition("/")
    if name and kind != "schemas":
        return _resolved(document, document["components"][kind][name])
    return {key: _resolved(document, value) for key, value in node.items()}


def _operation(method: str, path: str, operation: Node) -> str:
    parts = [
        f'<section id="{operation["operationId"]}"><h3>{_route(method, path)}</h3>',
        f"<p>{_text(operation['summary'])}.</p>",
        _prose(operation.get("description", "Needs no key.")),
    ]
    if "parameters" in operation:
        rows = "".join(map(_parameter, operation["parameters"]))
        parts.append(f"<h4>Parameters</h4>{_table('Name', 'In', rows)}")
    if "requestBody" in operation:
        contents = operation["requestBody"]["content"].items()
        kinds = ", ".join(f"{_code(kind)} {_type(c['schema'])}" for kind, c in contents)
        parts.append(f"<h4>Body</h4><p>{kinds}</p>")
    answers = "".join(map(_answer, operation["responses"].items()))
    return "".join([*parts, "<h4>Answers</h4>", answers, "</section>"])


def _parameter(parameter: Node) -> str:
    needed = " (required)" if parameter.get("required") else ""
    said = _prose(parameter.get("description", ""))
    type_ = _type(parameter["schema"])
    return _row(_code(parameter["name"]), parameter["in"] + needed, f"{type_}{said}")


def _answer(item: tuple[str, Node]) -> str:
    status, answer = item
    first = answer["description"].partition("\n")[0].removeprefix("- ")
    kinds = "".join(
        f"<p>{_code(kind)} {_type(content['schema'])}</p>"
        for kind, content in answer.get("content", {}).items()
    )
    headers = "".join(
        f"<li>{_code(name)} {_prose(header['description'], 'span')}"
        for name, header in answer.get("headers", {}).items()
    )
    listed = f'<ul class="plain">{headers}</ul>' if headers else ""
    return (
        f"<details><summary><strong>{status}</strong> {_marked(first)}</summary>"
        f"{_prose(answer['description'])}{kinds}{listed}</details>"
    )


def _schema(schema: Node) -> str:
    said = _prose(schema.get("description", ""))
    if "properties" not in schema:
        return f"{said}<p>{_type(schema)}</p>"
    if "allOf" in schema:
        bases = " and ".join(map(_type, schema["allOf"]))
        said += f"<p>All attributes of {bases}, and:</p>"
    required = set(schema.get("required", ()))
    rows = "".join(
        _row(
            _code(name),
            "always" if name in required else "optional",
            f"{_type(each)}{_prose(each.get('description', ''))}",
        )
        for name, each in schema["properties"].items()
    )
    return said + _table("Attribute", "There", rows)


def _type(schema: Node) -> str:
    """Say in a few words what a value may be."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{_text(name)}</a>' + _default(schema)
    for several in ("anyOf", "allOf"):
        if several in schema:
            joined = " or " if several == "anyOf" else " and "
            words = joined.join(_type(each) for each in schema[several])
            return words + _default(schema)
    if "enum" in schema:
        return " or ".join(map(_value, schema["enum"])) + _default(schema)
    kind = schema.get("type", "any value")
    kinds = kind if isinstance(kind, list) else [kind]
    words = " or ".join(
        schema.get("format", each) if each != "null" else each for each in kinds
    )
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    limits = [
        f"{word} {schema[name]}"
        for name, word in (
            ("minimum", "from"),
            ("maximum", "to"),
            ("minLength", "at least"),
            ("maxLength", "at most"),
            ("maxProperties", "at most"),
        )
        if name in schema
    ]
    if "examples" in schema and words == "string":
        limits.append(f"such as {_code(str(schema['examples'][0]))}")
    return " ".join([_text(words), *limits]) + _default(schema)


def _default(schema: Node) -> str:
    value = schema.get("default")
    return "" if value is None else f", default {_value(value)}"


def _value(value: object) -> str:
    return _code(value if isinstance(value, str) else json.dumps(value))


def _table(first: str, second: str, rows: str) -> str:
    head = f"<tr><th>{first}<th>{second}<th>What</tr>"
    return f'<div class="wide"><table>{head}{rows}</table></div>'


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells) + "</tr>"


def _route(method: str, path: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span><code>{path}</code>'


def _prose(text: str, tag: str = "p") -> str:
    """Turn the little Markdown that the document uses into HTML."""
    if not text:
        return ""
    if "\n" not in text.strip():
        return f"<{tag}>{_marked(text)}</{tag}>"
    lines = [line for line in text.splitlines() if line.strip()]
    said = [f"<p>{_marked(line)}</p>" for line in lines if not line.startswith("- ")]
    items = [f"<li>{_marked(line[2:])}" for line in lines if line.startswith("- ")]
    return "".join(said) + (f'<ul class="plain">{"".join(items)}</ul>' if items else "")


def _marked(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", _text(text))


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    return html.escape(text)
