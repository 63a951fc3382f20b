"""Read the routes of `template.yaml`, and the scope that each handler enforces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stack.aws.package import read_template

SCOPE = re.compile(r'@route\(scope=(?:"([a-z:]+)"|None)')


@dataclass(frozen=True)
class Route:
    """A route of the template: *function* is the folder, *scope* what a key needs."""

    method: str
    path: str
    function: str
    scope: str | None


def routes(root: Path) -> Iterator[Route]:
    """Yield the routes of the template below *root*, in its order."""
    for resource in read_template(root / "template.yaml")["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        folder = resource["Properties"]["CodeUri"]
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                where = event["Properties"]
                source = (root / folder / "app.py").read_text()
                scope = SCOPE.search(source)
                yield Route(
                    where["Method"].lower(),
                    where["Path"],
                    Path(folder).name,
                    scope[1] if scope else None,
                )
