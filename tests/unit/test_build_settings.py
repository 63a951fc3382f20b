"""How the template is built and scanned: one Python, one processor, reasons."""

from __future__ import annotations

from typing import Any

from stack.aws.package import read_template
from stack.environments import ROOT

TEMPLATE: dict[str, Any] = read_template(ROOT / "template.yaml")
RUNTIME: str = TEMPLATE["Globals"]["Function"]["Runtime"]
CONFIG = ROOT / ".checkov.yaml"


def test_layers_and_functions_agree_on_one_python() -> None:
    layers = [
        resource
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    ]

    assert layers
    for layer in layers:
        assert layer["Metadata"]["BuildMethod"] == RUNTIME
        assert layer["Metadata"]["BuildArchitecture"] == {"Ref": "Architecture"}
        assert layer["Properties"]["CompatibleRuntimes"] == [RUNTIME]


def test_the_default_processor_is_arm64() -> None:
    assert TEMPLATE["Parameters"]["Architecture"]["Default"] == "arm64"


def test_every_check_that_is_passed_over_has_its_reason() -> None:
    lines = CONFIG.read_text().partition("skip-check:\n")[2].splitlines()

    checks = [at for at, line in enumerate(lines) if line.lstrip().startswith("- ")]
    assert checks
    for at in checks:
        explained = "#" in lines[at] or lines[at - 1].lstrip().startswith("#")
        assert explained, lines[at]
