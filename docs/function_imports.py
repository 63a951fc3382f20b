"""What each function imports of ours, read from the source without running it.

A handler imports modules and asks `services()` for use cases. A property of the wiring
imports what it builds, so the closure of a function is what its file imports, what the
properties it asks for import, and what those modules import in turn. A store is
imported when it is first used: it is counted where a module names it. What a function
of a module imports by itself is deferred to a rare path and listed apart.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAYER = ROOT / "layers" / "masking"
FUNCTIONS = ROOT / "functions"

NAMES = sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))

# How many modules of ours a function may load to answer in the usual way.
BOUNDS = {
    "get_health": 12,
    "authorize": 16,
    "expire_sessions": 23,
    "on_session_event": 24,
    "create_session": 36,
}

WIRING = ("connections", "lifecycle", "services")
STORES = "masking.storage.stores"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def file_of(module: str) -> Path | None:
    """Return the file of a module of the layer; None if there is none."""
    path = LAYER.joinpath(*module.split("."))
    for found in (path.with_suffix(".py"), path / "__init__.py"):
        if found.is_file():
            return found
    return None


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text())


@cache
def holds_code(module: str) -> bool:
    """Return whether a module has more than a docstring."""
    path = file_of(module)
    assert path
    return any(not isinstance(node, ast.Expr) for node in tree_of(path).body)


def lines_of(modules: Iterable[str]) -> int:
    """Return how many lines the modules have together."""
    paths = {path for module in modules if (path := file_of(module))}
    return sum(len(path.read_text().splitlines()) for path in paths)


def imported(node: ast.AST) -> Iterator[str]:
    """Return the names of the modules that an import statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            ours = node.module.split(".")[0] == "masking"
            yield inner if ours and file_of(inner) else node.module


def walk_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over what runs when a module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from walk_at_import(child)


def imports_of(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the modules that the import statements among *nodes* import."""
    return {module for node in nodes for module in imported(node)}


@cache
def imported_with(path: Path) -> set[str]:
    """Return the modules that a file imports when it is imported."""
    return imports_of(walk_at_import(tree_of(path)))


@cache
def methods_of(*modules: str) -> dict[str, Function]:
    """Return the functions and methods that modules define, by their names."""
    found: dict[str, Function] = {}
    for module in modules:
        path = file_of(module)
        assert path
        for node in ast.walk(tree_of(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found[node.name] = node
    return found


def wiring_methods() -> dict[str, Function]:
    """Return the properties, methods and functions of the wiring."""
    return methods_of(*(f"masking.wiring.{name}" for name in WIRING))


def asked_of_services(tree: ast.AST) -> set[str]:
    """Return what a handler asks `services()` for."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in ("services", "wiring.services()")
    }


def names_stores(node: ast.AST) -> bool:
    """Return whether an expression is named `stores`."""
    return ast.unparse(node).split(".")[-1] == "stores"


@dataclass
class Imports:
    """The closure of a function.

    *modules* are loaded before its use case is built, *stores* with the stores that it
    uses, *deferred* when code runs that imports by itself.
    """

    modules: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    deferred: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    wired: set[str] = field(default_factory=set)
    properties: set[str] = field(default_factory=set)

    @property
    def ours(self) -> set[str]:
        """Return the modules of ours that hold code and that every call needs."""
        return {each for each in self.modules | self.stores if holds_code(each)}

    @property
    def everything(self) -> set[str]:
        """Return all modules of ours that hold code, with those that are deferred."""
        return self.ours | {each for each in self.deferred if holds_code(each)}

    @property
    def lines(self) -> int:
        """Return how many lines they have."""
        return lines_of(self.ours)


@cache
def closure_of(function: str) -> Imports:
    """Return all that a function imports."""
    found = Imports()
    tree = tree_of(FUNCTIONS / function / "app.py")
    _add(found, imported_with(FUNCTIONS / function / "app.py"), found.modules)
    for name in asked_of_services(tree):
        _follow(found, name)
    _add_later(found, stores_named_in, found.stores)
    _add_later(found, imported_in_functions, found.deferred)
    return found


def _follow(found: Imports, name: str) -> None:
    """Add what a property of the wiring imports, and what it uses of the wiring."""
    method = wiring_methods().get(name)
    if method is None or name in found.properties:
        return
    found.properties.add(name)
    nodes = list(ast.walk(method))
    wired = imports_of(nodes)
    found.wired |= wired
    _add(found, wired, found.modules)
    for node in nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
            _follow(found, node.attr)
        elif isinstance(node, ast.Attribute) and names_stores(node.value):
            store = methods_of(STORES)[node.attr]
            _add(found, imports_of(ast.walk(store)), found.stores)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            _follow(found, node.func.id)


def _add(found: Imports, modules: Iterable[str], to: set[str]) -> None:
    """Add modules, the packages that they are in, and what they import in turn."""
    for module in modules:
        if not module.startswith("masking"):
            found.foreign.add(module.split(".")[0])
            continue
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name in found.modules | found.stores | found.deferred:
                continue
            path = file_of(name)
            assert path, f"no module {name}"
            to.add(name)
            _add(found, imported_with(path), to)


def _add_later(
    found: Imports, imports: Callable[[str], set[str]], to: set[str]
) -> None:
    """Add what *imports* returns for each module that was found, the added included."""
    seen: set[str] = set()
    while fresh := (found.modules | found.stores | found.deferred) - seen:
        seen |= fresh
        for module in sorted(fresh):
            if not module.startswith("masking.wiring") and module != STORES:
                _add(found, imports(module), to)


@cache
def stores_named_in(module: str) -> set[str]:
    """Return the modules of the stores that a module uses."""
    stores = methods_of(STORES)
    path = file_of(module)
    assert path
    return {
        imported_module
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and names_stores(node.value)
        if node.attr in stores
        for imported_module in imports_of(ast.walk(stores[node.attr]))
    }


@cache
def imported_in_functions(module: str) -> set[str]:
    """Return what the functions of a module import when they run."""
    path = file_of(module)
    assert path
    return stores_named_in(module) | {
        name
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for name in imports_of(ast.walk(node))
    }
