"""Generate the package `maskline_client.generated` from openapi.yaml.

openapi-python-client makes models and calls of what is for apps: what Plivo calls is
left out, with all that only that needs. Nothing of it is in the repository, so that
nothing there can be out of date.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "openapi.yaml"
GENERATED = HERE / "src" / "maskline_client" / "generated"

NOT_FOR_APPS = "plivo"

SETTINGS = {
    "package_name_override": "generated",
    "docstrings_on_attributes": True,
    "literal_enums": True,
    # It would call a formatter, which may not be there.
    "post_hooks": [],
}

Components = Mapping[str, Mapping[str, Any]]


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Generates before anything is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Generate; an editable install as well needs it."""
        generate(GENERATED)


def generate(folder: Path) -> None:
    """Generate the package into *folder*, in the place of what is there.

    Raises subprocess.CalledProcessError if the generator fails or leaves something out.
    """
    with tempfile.TemporaryDirectory() as scratch:
        document = Path(scratch) / "openapi.yaml"
        document.write_text(yaml.safe_dump(app_document(), sort_keys=False))
        settings = Path(scratch) / "settings.yaml"
        settings.write_text(yaml.safe_dump(SETTINGS))
        made = Path(scratch) / "generated"
        subprocess.run(
            [
                *(sys.executable, "-m", "openapi_python_client", "generate"),
                *("--meta", "none", "--fail-on-warning"),
                *("--path", str(document), "--output-path", str(made)),
                *("--config", str(settings)),
            ],
            check=True,
        )
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)


def app_document() -> dict[str, Any]:
    """Return openapi.yaml as far as an app sends and gets it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(DOCUMENT.read_text(), loader)  # noqa: S506
    paths = {
        path: methods
        for path, methods in document["paths"].items()
        if not any(NOT_FOR_APPS in each["tags"] for each in methods.values())
    }
    components: Components = document["components"]
    # Of webhooks an app needs the models alone: it takes them, and sends none.
    needed = set(_needed(components, [paths, document.pop("webhooks")]))
    kept = {
        kind: {name: each for name, each in all_of.items() if (kind, name) in needed}
        for kind, all_of in components.items()
    }
    kept["securitySchemes"] = dict(components["securitySchemes"])
    return {**document, "paths": paths, "components": kept}


def _needed(components: Components, roots: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the components that are referred to, from *roots* on."""
    found: set[tuple[str, str]] = set()
    waiting = list(roots)
    while waiting:
        for reference in _references(waiting.pop()):
            kind, name = reference.removeprefix("#/components/").split("/")
            if (kind, name) not in found:
                found.add((kind, name))
                waiting.append(components[kind][name])
                yield kind, name


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict) and "$ref" in node:
        yield str(node["$ref"])
    for each in node.values() if isinstance(node, dict) else node:
        if isinstance(each, (dict, list)):
            yield from _references(each)
