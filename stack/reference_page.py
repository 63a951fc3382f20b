"""Show openapi.yaml as a page at `/docs`, by Scalar, with nothing from the network.

Scalar's file for the browser comes from the environment `page`. The page's own policy
lets it load from where it is and from nowhere else, whatever that file would like.
"""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path
from typing import Any

from stack.environments import PAGE

SCRIPT = (
    PAGE / "flask_openapi_scalar" / "templates" / "scalar" / "js"
) / "scalar.standalone.js"

DOCUMENT, BUNDLE = "/docs/openapi.yaml", "/docs/scalar.js"

# What is inline is Scalar's own: its styles, and pictures in them.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src data:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)

PAGE_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="{policy}">
<title>Maskline API</title>
</head>
<body>
<noscript>This page needs JavaScript. <a href="{document}">openapi.yaml</a> does not,
nor does docs/reference in the repository.</noscript>
<div id="reference"></div>
<script src="{bundle}"></script>
<script>
Scalar.createApiReference("#reference", {configuration});
</script>
</body>
</html>
"""


def configuration(key: str) -> dict[str, Any]:
    """Return what Scalar is told: no network of its own, the local key filled in."""
    return {
        "url": DOCUMENT,
        "pageTitle": "Maskline API",
        "withDefaultFonts": False,
        "telemetry": False,
        "hideClientButton": True,
        "showDeveloperTools": "never",
        "agent": {"disabled": True},
        "mcp": {"disabled": True},
        "defaultOpenFirstTag": True,
        "operationTitleSource": "summary",
        "defaultHttpClient": {"targetKey": "shell", "clientKey": "curl"},
        "authentication": {
            "preferredSecurityScheme": "key",
            "securitySchemes": {"key": {"token": key}},
        },
    }


def page(key: str) -> str:
    """Return the page; *key* is what "try it" sends."""
    # An HTML parser must not find the end of the script in it.
    told = json.dumps(configuration(key), indent=1).replace("<", "\\u003c")
    return PAGE_HTML.format(
        policy=html.escape(POLICY),
        document=DOCUMENT,
        bundle=BUNDLE,
        configuration=told,
    )


def write_pages(openapi_file: Path, folder: Path, key: str) -> None:
    """Write the page, the document and the script into a new *folder*."""
    folder.mkdir()
    shutil.copyfile(openapi_file, folder / openapi_file.name)
    shutil.copyfile(SCRIPT, folder / "scalar.js")
    (folder / "index.html").write_text(page(key))
