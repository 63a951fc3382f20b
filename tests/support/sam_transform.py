"""Transform the template as AWS does on a deployment, in the environment that can.

`transformed` starts this file with the interpreter of the embedded AWS, which has the
translator that AWS runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}


def transformed(
    parameters: Mapping[str, str], layer: str = "layer-1", region: str = "eu-central-1"
) -> dict[str, Any]:
    """Return the resources that the template becomes.

    *parameters* are values for some of its parameters, *layer* names what the layers
    were built from.
    """
    from stack.environments import AWS, interpreter

    done = subprocess.run(
        [interpreter(AWS), __file__, layer, json.dumps(dict(parameters))],
        env={"PYTHONPATH": str(ROOT), "AWS_DEFAULT_REGION": region},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    resources: dict[str, Any] = json.loads(done.stdout)["Resources"]
    return resources


def main(layer: str, parameters: str) -> None:
    """Print the transformed template as JSON."""
    from samtranslator.translator.transform import (  # type: ignore[import-not-found]
        transform,
    )

    from stack.aws.package import read_template

    template = read_template(ROOT / "template.yaml")
    for logical_id, resource in template["Resources"].items():
        name = ARTIFACTS.get(resource["Type"])
        if name:
            key = layer if name == "ContentUri" else "code"
            resource["Properties"][name] = f"s3://artifacts/{logical_id}-{key}"

    class NoPolicies:
        """Managed policies by name, of which the template has none."""

        def load(self) -> dict[str, str]:
            """Return nothing."""
            return {}

    json.dump(transform(template, json.loads(parameters), NoPolicies()), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
