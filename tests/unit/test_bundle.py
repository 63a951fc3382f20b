"""The dependency layer lacks what no function reads, and nothing else."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import io
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError
from botocore.regions import EndpointResolver
from urllib3 import HTTPResponse

from masking.wiring import connections
from stack.environments import BUNDLE, ROOT

FULL = Path(botocore.__file__).parent / "data"


@pytest.fixture(name="bundle", scope="module")
def _bundle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bundle", BUNDLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="trimmed", scope="module")
def _trimmed(bundle: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return packages as pip installs them, trimmed."""
    folder = tmp_path_factory.mktemp("layer")
    data = folder / "botocore" / "data"
    data.mkdir(parents=True)
    for path in FULL.glob("*.json"):
        shutil.copy(path, data)
    for name in (*bundle.DESCRIBED.values(), "ec2"):
        shutil.copytree(FULL / name, data / name)
    for name in (
        "lxml/etree.so",
        "lxml-6.0.dist-info/METADATA",
        "charset_normalizer/__init__.py",
        "plivo/__init__.py",
        "phonenumbers/__init__.py",
        "plivo/resources/__init__.py",
        "plivo/__pycache__/__init__.cpython-311.pyc",
        "plivo-4.dist-info/METADATA",
        "plivo-4.dist-info/RECORD",
        "plivo-4.dist-info/licenses/LICENSE",
        "plivo-4.dist-info/sboms/sbom.json",
        "plivo/client.pyi",
        "bin/normalizer",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    bundle.trim(folder)
    return folder


def test_every_service_that_functions_make_a_client_of_is_described(
    trimmed: Path,
) -> None:
    tree = ast.parse(
        (ROOT / "layers/masking/masking/wiring/connections.py").read_text()
    )
    asked = {
        str(ast.literal_eval(node.args[0]))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "_client"
    }
    described = {path.name for path in (trimmed / "botocore/data").iterdir()}

    assert asked >= {"dynamodb", "s3", "secretsmanager"}
    assert asked <= described
    assert "ec2" not in described


def _without_documentation(value: Any, *, free: bool = False) -> Any:
    """Return a description whose texts are empty, and every other word the same."""
    if isinstance(value, list):
        return [_without_documentation(each) for each in value]
    if not isinstance(value, dict):
        return value
    texts = ("documentation", "documentationUrl")
    return {
        name: each
        if name == "clientContextParams"
        else _without_documentation(each, free=name in ("members", "shapes"))
        for name, each in value.items()
        if free or name not in texts or not isinstance(each, str)
    }


def test_a_description_lacks_its_documentation_alone(
    bundle: ModuleType, trimmed: Path
) -> None:
    ours = Loader([str(trimmed / "botocore/data")], include_default_search_paths=False)
    theirs = Loader()
    for service in bundle.DESCRIBED.values():
        for kind in ("service-2", "endpoint-rule-set-1", "paginators-1"):
            kept = ours.load_service_model(service, kind)
            full = theirs.load_service_model(service, kind)
            if kind == "service-2":
                full = _without_documentation(full)
            assert kept == full, (service, kind)


# What is asked of each service, with what is left of its description.
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("query", {"TableName": "a", "KeyConditionExpression": "pk = :p"}),
    "dynamodbstreams": ("describe_stream", {"StreamArn": f"arn:aws:{'a' * 40}"}),
    "events": ("put_events", {"Entries": [{"Source": "a"}]}),
    "s3": ("put_object", {"Bucket": "a", "Key": "b", "ChecksumAlgorithm": "SHA256"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "a"}),
    "sqs": ("send_message", {"QueueUrl": "https://127.0.0.1:1/a", "MessageBody": "b"}),
    "sts": ("get_caller_identity", {}),
}


@pytest.mark.parametrize("service", ASKED)
def test_a_request_of_each_service_is_made_as_far_as_its_sending(
    service: str, bundle: ModuleType, trimmed: Path
) -> None:
    assert set(ASKED) == set(bundle.DESCRIBED.values())
    session = botocore.session.get_session()
    found = Loader([str(trimmed / "botocore/data")], include_default_search_paths=False)
    session.register_component("data_loader", found)
    client = session.create_client(
        service,
        region_name="eu-central-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=connections.STREAMING if service == "s3" else connections.QUICK,
    )
    sent: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent.append(request.url)
        raw: Any = HTTPResponse(io.BytesIO(b"{}"), preload_content=False)
        return AWSResponse(request.url, 200, HTTPHeaders(), raw)

    sender: Any = answer
    client.meta.events.register_first("before-send", sender)
    operation, asked = ASKED[service]
    with contextlib.suppress(ClientError, ResponseParserError):
        getattr(client, operation)(**asked)

    [url] = sent
    assert "eu-central-1" in url or service == "sqs"


def test_endpoints_of_every_region_are_as_botocore_has_them(
    bundle: ModuleType, trimmed: Path
) -> None:
    kept = json.loads((trimmed / "botocore/data/endpoints.json").read_text())
    full = json.loads((FULL / "endpoints.json").read_text())
    ours, theirs = EndpointResolver(kept), EndpointResolver(full)

    partitions = theirs.get_available_partitions()
    assert ours.get_available_partitions() == partitions
    for partition in full["partitions"]:
        for region in partition["regions"]:
            for service in sorted(bundle.SERVICES):
                assert ours.construct_endpoint(
                    service, region
                ) == theirs.construct_endpoint(service, region)


def test_what_scanners_and_licenses_need_stays(trimmed: Path) -> None:
    kept = {
        path.relative_to(trimmed).as_posix()
        for path in trimmed.rglob("*")
        if path.is_file() and "botocore" not in path.parts
    }

    assert kept == {
        "charset_normalizer/__init__.py",
        "phonenumbers/__init__.py",
        "plivo/__init__.py",
        "plivo/resources/__init__.py",
        "plivo-4.dist-info/METADATA",
        "plivo-4.dist-info/licenses/LICENSE",
    }


def test_a_package_imports_its_modules_when_something_of_them_is_asked_for(
    bundle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "parcel"
    package.mkdir()
    (package / "scales.py").write_text("def weight():\n    return 'heavy'\n")
    (package / "label.py").write_text("")
    beginning = package / "__init__.py"
    beginning.write_text(
        '"""A parcel."""\n'
        "from __future__ import annotations\n"
        "from . import label\n"
        "from .scales import (\n    weight as weigh,\n)\n"
        "SIZE = 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    bundle.make_lazy(beginning)

    parcel: Any = importlib.import_module("parcel")
    assert parcel.SIZE == 3
    assert "parcel.scales" not in sys.modules
    assert parcel.weigh() == "heavy"
    assert parcel.weigh is sys.modules["parcel.scales"].weight
    assert "parcel.label" not in sys.modules
    assert parcel.label is sys.modules["parcel.label"]
    with pytest.raises(AttributeError, match="'parcel' has no attribute 'stamp'"):
        _ = parcel.stamp


def test_another_python_than_the_runtimes_makes_no_layer(
    bundle: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "hexversion", 0x030C00F0)

    assert bundle.main([str(tmp_path / "layer")]) == 1
    assert "is made by python3.13" in capsys.readouterr().err
