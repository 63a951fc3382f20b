"""`make openapi`: write `openapi.yaml`."""

from __future__ import annotations

import sys

from stack.environments import ROOT
from stack.openapi.document import build, written


def main() -> int:
    """Write the document into the root of the repository."""
    path = ROOT / "openapi.yaml"
    path.write_text(written(build(ROOT)))
    print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
