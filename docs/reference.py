"""Write the reference as pages that can be read anywhere: `python -m docs.reference`.

They are made from openapi.yaml: a page for each of its tags and one for its schemas, in
docs/reference. A test holds that they are what it says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stack import yaml_files
from stack.environments import ROOT

FOLDER = ROOT / "docs" / "reference"

Node = Mapping[str, Any]

MADE = "<!-- Made from openapi.yaml by `make reference`. Change that instead. -->"

LIMITS = (
    *(
        ("minimum", "from"),
        ("maximum", "to"),
        ("minLength", "at least"),
    ),
    *(("maxLength", "at most"), ("maxProperties", "at most"), ("minItems", "at least")),
)


class Reference:
    """The pages of one document."""

    def __init__(self, document: Node) -> None:
        self._document = document
        self._components = document["components"]

    def pages(self) -> dict[str, str]:
        """Return the pages by the names of their files."""
        made = {"README.md": self._index(), "schemas.md": self._schemas()}
        for tag in self._document["tags"]:
            made[file_of(tag["name"])] = self._tag(tag)
        return made

    def _index(self) -> str:
        info = self._document["info"]
        lines = [MADE, "", f"# {info['title']}: the reference", ""]
        lines += [
            "The same is shown at <http://127.0.0.1:8000/docs> while `make run` runs, "
            "with a search and requests to try.",
            "",
            info["description"],
            "",
        ]
        for tag in self._document["tags"]:
            page = file_of(tag["name"])
            lines += [
                f"## [{tag['x-displayName']}]({page})",
                "",
                tag["description"],
                "",
            ]
            lines += [
                f"- [{each['summary']}]({page}#{anchor(each['summary'])}) {code(where)}"
                for where, each in self._operations(tag["name"])
            ]
            lines.append("")
        lines += [
            "## [Schemas](schemas.md)",
            "",
            "Of all that is sent and answered.",
            "",
        ]
        return "\n".join(lines)

    def _operations(self, tag: str) -> Iterator[tuple[str, Node]]:
        """Yield the operations of a tag, with where each is or what it is named."""
        for path, methods in self._document["paths"].items():
            for method, each in methods.items():
                if tag in each["tags"]:
                    yield f"{method.upper()} {path}", each
        for kind, methods in self._document["webhooks"].items():
            for each in methods.values():
                if tag in each["tags"]:
                    yield kind, each

    def _tag(self, tag: Node) -> str:
        lines = [MADE, "", f"# {tag['x-displayName']}", "", tag["description"], ""]
        for where, operation in self._operations(tag["name"]):
            lines += [f"## {operation['summary']}", "", code(where), ""]
            lines += [operation["description"], ""]
            lines += self._parameters(operation)
            lines += self._body(operation)
            for status, response in operation["responses"].items():
                lines += self._answer(status, self._resolved(response))
        return "\n".join(lines).rstrip("\n") + "\n"

    def _parameters(self, operation: Node) -> list[str]:
        found = [self._resolved(each) for each in operation.get("parameters", [])]
        if not found:
            return []
        rows = [
            (
                code(each["name"]),
                each["in"] + (", required" if each.get("required") else ""),
                self._type(each["schema"]),
                each["description"],
                self._example(each),
            )
            for each in found
        ]
        return table(("Parameter", "In", "Type", "What it is", "Example"), rows)

    def _body(self, operation: Node) -> list[str]:
        if "requestBody" not in operation:
            return []
        body = self._resolved(operation["requestBody"])
        lines = []
        for media, content in body["content"].items():
            lines += [f"Body, {code(media)}: {self._type(content['schema'])}", ""]
            lines += self._examples(content)
        return lines

    def _answer(self, status: str, response: Node) -> list[str]:
        lines = [f"### {status}", "", response["description"], ""]
        headers = [
            (code(name), "", self._type(said["schema"]), said["description"], "")
            for name, each in response.get("headers", {}).items()
            for said in [self._resolved(each)]
        ]
        if headers:
            shown = [(name, kind, what) for name, _, kind, what, _ in headers]
            lines += table(("Header", "Type", "What it is"), shown)
        for media, content in response.get("content", {}).items():
            lines += [f"{code(media)}: {self._type(content['schema'])}", ""]
            # The codes of problems are told, and each is shown in errors.md.
            if status.startswith("2"):
                lines += self._examples(content)
        return lines

    def _examples(self, content: Node) -> list[str]:
        lines = []
        for each in content.get("examples", {}).values():
            example = self._resolved(each)
            shown = json.dumps(example["value"], indent=2, ensure_ascii=False)
            lines += [
                *("<details>", f"<summary>{example['summary']}</summary>", ""),
                *("```json", shown, "```", "", "</details>", ""),
            ]
        return lines

    def _schemas(self) -> str:
        lines = [MADE, "", "# Schemas", ""]
        for name, schema in sorted(self._components["schemas"].items()):
            lines += [f"## {name}", "", schema.get("description", ""), ""]
            lines += self._schema(schema)
        return "\n".join(lines).rstrip("\n") + "\n"

    def _schema(self, schema: Node) -> list[str]:
        """Return a table of what an object holds, or what a value may be."""
        bases = [each for each in schema.get("allOf", []) if "$ref" in each]
        own = [
            schema,
            *(each for each in schema.get("allOf", []) if "$ref" not in each),
        ]
        lines = []
        if bases:
            named = " and ".join(map(self._type, bases))
            lines += [f"All of {named}, and:", ""]
        rows = [
            (
                code(name),
                "always" if name in part.get("required", ()) else "may be missing",
                self._type(each),
                self._said(each),
                self._example(each),
            )
            for part in own
            for name, each in part.get("properties", {}).items()
        ]
        if rows:
            head = ("Attribute", "There", "Type", "What it is", "Example")
            return lines + table(head, rows)
        if bases:
            return [f"All of {' and '.join(map(self._type, bases))}.", ""]
        return [f"{self._type(schema)} {self._example(schema)}".rstrip(), ""]

    def _said(self, schema: Node) -> str:
        said = schema.get("description")
        return str(said or self._resolved(schema).get("description", ""))

    def _resolved(self, node: Node) -> Node:
        if "$ref" not in node:
            return node
        _, _, kind, name = node["$ref"].split("/")
        beside = {k: v for k, v in node.items() if k != "$ref"}
        return {**self._components[kind][name], **beside}

    def _type(self, schema: Node) -> str:
        """Return in a few words what a value may be."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f"[{name}](schemas.md#{anchor(name)})"
        for word, joint in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
            if word in schema:
                return joint.join(self._type(each) for each in schema[word])
        if "const" in schema:
            return code(str(schema["const"]))
        if "enum" in schema:
            words = " or ".join(code(json.dumps(each)) for each in schema["enum"])
            return words.replace('"', "") + default_of(schema)
        kind = schema.get("type", "anything")
        kinds = [kind] if isinstance(kind, str) else kind
        words = " or ".join(
            schema.get("format", each) if each == "string" else each for each in kinds
        )
        if "items" in schema:
            return f"list of {self._type(schema['items'])}"
        limits = [f"{word} {schema[name]}" for name, word in LIMITS if name in schema]
        return " ".join([words, *limits]) + default_of(schema)

    def _example(self, said: Node) -> str:
        if "example" in said:
            return code(json.dumps(said["example"], ensure_ascii=False))
        found = [*self._resolved(said).get("examples", [])]
        for option in (said.get("schema", {}), *said.get("anyOf", [])):
            found += self._resolved(option).get("examples", [])
        return code(json.dumps(found[0], ensure_ascii=False)) if found else ""


def file_of(tag: str) -> str:
    """Return the name of a tag's page."""
    return f"{anchor(tag)}.md"


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    kept = [c for c in heading.lower() if c.isalnum() or c in " -_"]
    return "".join(kept).replace(" ", "-")


def code(text: str) -> str:
    """Return text as code."""
    return f"`{text}`"


def default_of(schema: Node) -> str:
    """Return what holds where nothing is given."""
    if "default" not in schema:
        return ""
    return f", default {code(json.dumps(schema['default']).strip(chr(34)))}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table in Markdown."""

    def line(cells: Sequence[str]) -> str:
        shown = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
        return f"| {' | '.join(shown)} |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows), ""]


def pages() -> dict[str, str]:
    """Return the pages as openapi.yaml has them now, by the names of their files."""
    return Reference(yaml_files.load(ROOT / "openapi.yaml")).pages()


def write(folder: Path) -> None:
    """Write the pages into *folder*, and remove those that are no more."""
    folder.mkdir(exist_ok=True)
    made = pages()
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write(FOLDER)
