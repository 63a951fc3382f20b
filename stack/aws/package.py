"""Package the functions and layers of a SAM template for the embedded AWS.

Does what ``sam build && sam package`` do, but layers aren't unpacked by each function's
process. A layer becomes one ``.pth`` file: for ``requirements.txt``
it points at where the packages are installed for this machine's interpreter, for code
at a copy of it with byte code.
"""

from __future__ import annotations

import compileall
import hashlib
import io
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from stack.yaml_files import SafeLoader

# Stores one archive and returns its s3:// address; called with name and content.
Upload = Callable[[str, bytes], str]

_FUNCTION = "AWS::Serverless::Function"
_LAYER = "AWS::Serverless::LayerVersion"

# Zip can't say a time before 1980; one time makes equal folders equal archives.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class PackageError(Exception):
    """The template names something that can't be packaged."""


class _TemplateLoader(SafeLoader):
    """YAML with CloudFormation's short forms, such as ``!Ref``."""


def _intrinsic(loader: _TemplateLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise PackageError(f"!{name} stands before a {node.tag}.")
    if name in {"Ref", "Condition"}:
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{name}": value}


_TemplateLoader.add_multi_constructor("!", _intrinsic)


def read_template(path: Path) -> dict[str, Any]:
    """Return the template at *path* with short forms written out."""
    template: dict[str, Any] = yaml.load(
        path.read_text(),
        _TemplateLoader,  # noqa: S506 - it is a SafeLoader
    )
    return template


def package(
    template: dict[str, Any],
    root: Path,
    installed_layer: Path,
    copies: Path,
    upload: Upload,
) -> dict[str, Any]:
    """Upload each function and layer; return *template* with their addresses.

    Args:
        template: A SAM template, as `read_template` returns it.
        root: Folder that its CodeUri and ContentUri start from.
        installed_layer: Where the dependency layer's packages are installed.
        copies: Folder for the copies of the other layers, as they are now.
        upload: Stores an archive.

    Raises:
        PackageError: A folder is missing or empty.
    """
    resources = dict(template["Resources"])
    for logical_id, resource in resources.items():
        key = {_FUNCTION: "CodeUri", _LAYER: "ContentUri"}.get(resource["Type"])
        if key is None:
            continue
        folder = root / resource["Properties"][key]
        if resource["Type"] == _FUNCTION:
            archive = _zip(folder)
        elif (folder / "requirements.txt").is_file():
            archive = _pointer(installed_layer)
        else:
            archive = _pointer(_copy(folder, copies / logical_id))
        digest = hashlib.sha256(archive).hexdigest()[:24]
        properties = resource["Properties"] | {
            key: upload(f"{logical_id}-{digest}.zip", archive)
        }
        resources[logical_id] = resource | {"Properties": properties}
    return template | {"Resources": resources}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if (
            path.name != "Makefile"
            and path.is_file()
            and "__pycache__" not in path.parts
        ):
            yield path


def _zip(folder: Path) -> bytes:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in _files(folder)
    }
    if not files:
        raise _empty(folder)
    return _archive(files)


def _copy(folder: Path, copy: Path) -> Path:
    """Copy a layer's code and add byte code; return where it is."""
    if not any(_files(folder)):
        raise _empty(folder)
    # Byte code that an interpreter left there is valid for the copy: times are kept.
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    compileall.compile_dir(copy, quiet=2)
    return copy


def _empty(folder: Path) -> PackageError:
    return PackageError(f"template.yaml names {folder}, which has no files.")


def _pointer(folder: Path) -> bytes:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    name = f"python/lib/{version}/site-packages/layer.pth"
    return _archive({name: f"{folder}\n".encode()})


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()
