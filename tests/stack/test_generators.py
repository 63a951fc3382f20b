"""A third generator makes a client of openapi.yaml that works: openapi-generator."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from stack.environments import CLIENTS, ROOT
from stack.running import RunningStack
from tests.support.api_document import DOCUMENT
from tests.support.people import pair_of

GENERATOR = CLIENTS / "bin" / "openapi-generator-cli"

# Its client for webhooks has syntax errors, and what Plivo calls is for no app.
TAGS = [
    each["name"]
    for each in DOCUMENT["tags"]
    if each["name"] not in ("plivo", "webhooks to you")
]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Generate the package and import it."""
    java = shutil.which("java")
    if java is None or not GENERATOR.exists():
        pytest.skip("without java or `make clients` openapi-generator was NOT tried")
    folder = tmp_path_factory.mktemp("openapi-generator")
    done = subprocess.run(
        [
            *(str(GENERATOR), "generate", "--generator-name", "python"),
            *("--input-spec", str(ROOT / "openapi.yaml"), "--output", str(folder)),
            *("--package-name", "maskline_by_another"),
            *("--global-property", f"apis={':'.join(TAGS)},models,supportingFiles"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    pytest.importorskip("dateutil")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("maskline_by_another")
    sys.path.remove(str(folder))


def test_a_session_is_created_read_changed_and_ended(
    generated: Any, stack: RunningStack
) -> None:
    settings = generated.Configuration(
        host=stack.addresses.api_url, access_token=stack.api_key
    )
    with generated.ApiClient(settings) as client:
        sessions = generated.SessionsApi(client)
        created = sessions.create_session(generated.CreateSession(**pair_of(9_020)))
        uuid = created.session_uuid
        changed = sessions.update_session(
            uuid, generated.UpdateSession(ring_timeout=30)
        )
        read = sessions.get_session(uuid)
        ended = sessions.expire_session(uuid)

    assert created.virtual_number
    assert changed.session.ring_timeout == 30
    assert read.session.status == "active"
    assert ended.session.status == "expired"
