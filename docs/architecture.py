"""Draw the rooms of the layer and list who does the work of each function.

``python -m docs.architecture`` writes docs/rooms.svg and the tables in
docs/architecture.md, from the code, the template and the import contract. A test holds
them together.
"""

from __future__ import annotations

import ast
import configparser
import re
import sys
from dataclasses import dataclass
from typing import Any

from docs.function_imports import (
    LAYER,
    ROOT,
    STORES,
    closure_of,
    file_of,
    holds_code,
    methods_of,
    names_stores,
    tree_of,
    wiring_methods,
)
from stack.aws.package import read_template

PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "rooms.svg"

ABOUT = {
    "wiring": "builds clients and use cases",
    "erasure": "erase a person",
    "stream": "what a change of the table sets off",
    "lifecycle": "create, update, end, expire, reconcile, settle, list",
    "recording": "announce, store, link, delete",
    "webhooks": "deliver to apps, replay",
    "tenants": "keys, settings, quotas",
    "callbacks": "take Plivo's callbacks",
    "api": "HTTP in and out: requests, pages, views, problems",
    "storage": "one store per kind of thing; bucket, bus, queues",
    "plivo": "the SDK's client, answers, signatures, media",
    "domain": "rules without I/O: sessions, calls, recordings",
    "core": "errors, numbers, times, key space, settings",
}


# Who does the work of a function


@dataclass(frozen=True)
class Row:
    """A function, what calls it, the use case that does its work, and its stores."""

    trigger: str
    function: str
    use_case: str
    stores: tuple[str, ...]


def rows() -> list[Row]:
    """Return a row for each function, routes first."""
    template = read_template(ROOT / "template.yaml")
    found = []
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        function = str(resource["Properties"]["CodeUri"]).rstrip("/").split("/")[-1]
        events = resource["Properties"].get("Events", {}).values()
        use_case = use_case_of(function)
        found.append(Row(_trigger(events), function, use_case, stores_of(function)))
    return sorted(
        found, key=lambda row: (not row.trigger.startswith("`"), row.function)
    )


def _trigger(events: Any) -> str:
    routes = [
        f"`{each['Properties']['Method']} {each['Properties']['Path']}`"
        for each in events
        if each["Type"] == "HttpApi"
    ]
    if routes:
        return "<br>".join(routes)
    kinds = {
        "SQS": "a queue",
        "DynamoDB": "the table's stream",
        "Schedule": "a schedule",
    }
    named = {kinds.get(each["Type"], each["Type"]) for each in events}
    return ", ".join(sorted(named)) or "the API, before each route"


def use_case_of(function: str) -> str:
    """Return the module of the layer that has the function's name, without `masking.`.

    Raises LookupError if there is not exactly one.
    """
    found = sorted(LAYER.glob(f"masking/*/{function}.py"))
    if len(found) != 1:
        message = f"{function}: {len(found)} modules of that name"
        raise LookupError(message)
    return f"{found[0].parent.name}.{function}"


def stores_of(function: str) -> tuple[str, ...]:
    """Return the names of the stores that a function uses."""
    found = closure_of(function)
    code: list[ast.AST] = [wiring_methods()[name] for name in found.properties]
    for module in found.everything:
        file = file_of(module)
        if file and not module.startswith("masking.wiring"):
            code.append(tree_of(file))
    used = {
        node.attr
        for tree in code
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and names_stores(node.value)
    }
    return tuple(sorted(used & methods_of(STORES).keys()))


def table() -> str:
    """Return the table of functions in Markdown."""
    lines = [
        "| Called by | Function | Use case | Stores |",
        "|---|---|---|---|",
    ]
    for row in rows():
        room, name = row.use_case.split(".")
        use_case = f"[`{row.use_case}`](../layers/masking/masking/{room}/{name}.py)"
        function = f"[`{row.function}`](../functions/{row.function}/app.py)"
        lines.append(
            f"| {row.trigger} | {function} | {use_case} | {', '.join(row.stores)} |"
        )
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the page *text* with its table as the code has it now."""
    return re.sub(
        r"(<!-- functions -->\n).*?(<!-- /functions -->)",
        lambda match: f"{match[1]}{table()}\n{match[2]}",
        text,
        flags=re.DOTALL,
    )


# The picture


def rooms() -> list[list[str]]:
    """Return the rooms in lines, from the top, as the import contract has them."""
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter")
    listed = contract["importlinter:contract:rooms"]["layers"].strip().splitlines()
    return [[room.strip() for room in line.split("|")] for line in listed]


def size_of(room: str) -> int:
    """Return how many modules a room has that hold code."""
    files = (LAYER / "masking" / room).glob("*.py")
    return sum(holds_code(f"masking.{room}.{file.stem}") for file in files)


WIDTH, HEIGHT, GAP, MARGIN = 920, 62, 10, 20


def picture() -> str:
    """Return the rooms as an SVG: imports go down, never up and never sideways."""
    lines = rooms()
    height = 2 * MARGIN + len(lines) * (HEIGHT + GAP) + 24
    drawn = []
    for row, line in enumerate(lines):
        width = (WIDTH - GAP * (len(line) - 1)) / len(line)
        for column, room in enumerate(line):
            x = MARGIN + column * (width + GAP)
            y = MARGIN + row * (HEIGHT + GAP)
            drawn.append(_box(x, y, width, room))
    legend = "A room imports from the rooms below it; rooms in one line are apart."
    bottom = height - MARGIN / 2
    style = (
        "text{font-family:system-ui,sans-serif;fill:#1f2328}"
        ".b{fill:#f6f8fa;stroke:#57606a}.n{font-weight:600;font-size:15px}"
        ".a{font-size:12px}.s{font-size:11px;fill:#57606a}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * MARGIN}'
        f' {height}" role="img" aria-label="{legend}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(drawn)}'
        f'<text class="a" x="{MARGIN}" y="{bottom}">{legend}</text></svg>\n'
    )


def _box(x: float, y: float, width: float, room: str) -> str:
    size = f"{size_of(room)} modules"
    left = round(x + 12)
    texts = (("n", 22, room), ("a", 39, ABOUT[room]), ("s", 54, size))
    return (
        f'<rect class="b" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}"'
        ' rx="6"/>'
    ) + "".join(
        f'<text class="{kind}" x="{left}" y="{y + down:.0f}">{text}</text>'
        for kind, down, text in texts
    )


def main() -> int:
    """Write the picture and the page."""
    PICTURE.write_text(picture())
    PAGE.write_text(page(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
