"""Packaging: the archives that SAM would make, and one pointer instead of a build."""

from __future__ import annotations

import io
import zipfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest

from stack.aws.package import PackageError, package, read_template
from stack.environments import ROOT

TEMPLATE = """
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/greet
      Role: !GetAtt Role.Arn
      Environment: {Variables: {TABLE: !Ref Table, URL: !Sub "https://${Api}"}}
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/shared}
  Dependencies:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/dependencies}
  Table:
    Type: AWS::DynamoDB::Table
"""


class Shelf:
    """Takes archives, as S3 does."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.archives: dict[str, bytes] = {}

    def upload(self, name: str, archive: bytes) -> str:
        """Keep *archive* and what is in it."""
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            content = {each: opened.read(each) for each in opened.namelist()}
        logical_id = name.partition("-")[0]
        self.files[logical_id] = content
        self.archives[logical_id] = archive
        return f"s3://shelf/{name}"


@pytest.fixture(name="shelf")
def _shelf() -> Shelf:
    return Shelf()


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    files = {
        "template.yaml": TEMPLATE,
        "functions/greet/app.py": "import shared",
        "functions/greet/words/hello.txt": "hello",
        "functions/greet/__pycache__/app.cpython-311.pyc": "old",
        "layers/shared/shared/__init__.py": "",
        "layers/dependencies/requirements.txt": "boto3",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def target_of(layer: dict[str, bytes]) -> Path:
    """Return the folder that a layer points at."""
    [(name, content)] = layer.items()
    assert name.startswith("python/lib/python3.")
    assert name.endswith("/site-packages/layer.pth")
    return Path(content.decode().removesuffix("\n"))


def _package(project: Path, shelf: Shelf) -> dict[str, Any]:
    template = read_template(project / "template.yaml")
    return package(
        template, project, project / "installed", project / "copies", shelf.upload
    )


def test_a_function_is_its_folder_without_caches(project: Path, shelf: Shelf) -> None:
    _package(project, shelf)

    assert shelf.files["Greet"] == {
        "app.py": b"import shared",
        "words/hello.txt": b"hello",
    }


def test_a_layer_of_code_is_a_copy_with_byte_code(project: Path, shelf: Shelf) -> None:
    _package(project, shelf)

    assert target_of(shelf.files["Shared"]) == project / "copies/Shared"
    module = project / "copies/Shared/shared/__init__.py"
    assert module.read_text() == ""
    assert Path(cache_from_source(str(module))).exists()


def test_a_layer_that_changes_later_stays_as_it_was_deployed(
    project: Path, shelf: Shelf
) -> None:
    _package(project, shelf)
    (project / "layers/shared/shared/__init__.py").write_text("changed = True")

    assert (project / "copies/Shared/shared/__init__.py").read_text() == ""


def test_a_layer_of_requirements_points_at_where_they_are_installed(
    project: Path, shelf: Shelf
) -> None:
    _package(project, shelf)

    assert target_of(shelf.files["Dependencies"]) == project / "installed"


def test_the_template_names_the_archives_and_stays_as_it_was_otherwise(
    project: Path, shelf: Shelf
) -> None:
    packaged = _package(project, shelf)

    greet = packaged["Resources"]["Greet"]["Properties"]
    assert greet.pop("CodeUri").startswith("s3://shelf/Greet-")
    assert greet == {
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Environment": {
            "Variables": {
                "TABLE": {"Ref": "Table"},
                "URL": {"Fn::Sub": "https://${Api}"},
            }
        },
    }
    assert packaged["Resources"]["Table"] == {"Type": "AWS::DynamoDB::Table"}


def test_equal_folders_make_equal_archives(project: Path, shelf: Shelf) -> None:
    first = _package(project, shelf), dict(shelf.archives)
    (project / "functions/greet/app.py").touch()
    second = _package(project, shelf), dict(shelf.archives)

    assert first == second


def test_a_folder_that_is_not_there_is_a_sentence(project: Path, shelf: Shelf) -> None:
    for path in sorted((project / "functions").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    with pytest.raises(PackageError, match=r"names .*/functions/greet, which has no"):
        _package(project, shelf)


def test_every_function_of_the_real_template_is_packaged(
    tmp_path: Path, shelf: Shelf
) -> None:
    template = read_template(ROOT / "template.yaml")

    package(template, ROOT, ROOT / ".local" / "layer", tmp_path, shelf.upload)

    functions = [path.parent.name for path in ROOT.glob("functions/*/app.py")]
    archives = [name for name in shelf.files if name.endswith("Function")]
    assert len(archives) == len(functions)
    assert all("app.py" in shelf.files[name] for name in archives)
    masking = target_of(shelf.files["Masking"])
    assert (masking / "masking/__init__.py").exists()
