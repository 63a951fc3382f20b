"""How the template is built and scanned: one Python, one processor, reasons."""

from __future__ import annotations

from typing import Any

from stack.aws.package import read_template
from stack.environments import ROOT

TEMPLATE: dict[str, Any] = read_template(ROOT / "template.yaml")
RUNTIME: str = TEMPLATE["Globals"]["Function"]["Runtime"]
FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
FOLDERS = {FUNCTION: "CodeUri", LAYER: "ContentUri"}
CONFIG = ROOT / ".checkov.yaml"


def test_layers_and_functions_agree_on_one_python() -> None:
    layers = [
        resource
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == LAYER
    ]

    assert layers
    for layer in layers:
        assert layer["Metadata"]["BuildMethod"] == "makefile"
        assert layer["Metadata"]["BuildArchitecture"] == {"Ref": "Architecture"}
        assert layer["Properties"]["CompatibleRuntimes"] == [RUNTIME]


def test_every_function_and_layer_is_built_by_a_makefile_that_adds_byte_code() -> None:
    built = {
        name: ROOT / resource["Properties"][FOLDERS[resource["Type"]]]
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] in FOLDERS
    }

    for name, folder in built.items():
        assert TEMPLATE["Resources"][name]["Metadata"]["BuildMethod"] == "makefile"
        makefile = (folder / "Makefile").read_text()
        assert "build-%:" in makefile or f"build-{name}:" in makefile
        assert RUNTIME in makefile


def test_the_makefiles_of_functions_are_the_same() -> None:
    texts = {path.read_text() for path in ROOT.glob("functions/*/Makefile")}

    assert len(texts) == 1
    assert len(list(ROOT.glob("functions/*/Makefile"))) == len(
        list(ROOT.glob("functions/*/app.py"))
    )


def test_the_default_processor_is_arm64() -> None:
    assert TEMPLATE["Parameters"]["Architecture"]["Default"] == "arm64"


def test_every_check_that_is_passed_over_has_its_reason() -> None:
    lines = CONFIG.read_text().partition("skip-check:\n")[2].splitlines()

    checks = [at for at, line in enumerate(lines) if line.lstrip().startswith("- ")]
    assert checks
    for at in checks:
        explained = "#" in lines[at] or lines[at - 1].lstrip().startswith("#")
        assert explained, lines[at]
