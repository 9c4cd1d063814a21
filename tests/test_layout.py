"""The shape of the package, held by tests: who may import what, where things live, how long."""

from __future__ import annotations

import ast
import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import rig_sync
from rig_sync.client import Client
from rig_sync.providers import client_class, provider_names

ROOT = Path(rig_sync.__file__).parent

# Lowest first. An import goes to a lower floor, or to the same folder of the same floor.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("_closing", "_hints", "_json", "version"),  # words
    ("message", "completion", "modelfile", "catalog", "embedding"),  # values
    ("errors",),
    ("_secrets", "limits", "request"),
    ("streaming.items", "streaming.raw"),
    ("wire", "streaming.calls", "streaming.written", "streaming.parts"),  # pure: bytes and values
    (  # I/O and threads
        "transport",
        "streaming.cancel",
        "streaming.pause",
        "streaming.pipe",
        "streaming.threads",
    ),
    ("streaming.handle", "streaming.reader", "streaming.response", "streaming.source"),
    ("model", "unary"),
    ("output",),  # pure
    ("tools",),
    ("agent",),
    ("client",),
    ("providers",),
    ("stdout",),
    ("doctor",),
    ("cli", "pull"),  # edges
)
PURE = {name for floor in FLOORS[:6] for name in floor if name != "modelfile"} | {
    "agent.history",
    "agent.run",
    "agent.steps",
    "output",
}
EFFECTS = {"io", "os", "random", "select", "socket", "subprocess", "tempfile", "threading", "time"}
ROOMS = {  # each third party has one room; msgspec is the language of all values
    "botocore": {"transport.aws"},
    "google": {"providers.vertex"},
    "requests": {"transport.http", "transport.pools"},
    "urllib3": {"transport.http", "transport.pools"},
    "sseclient": {"transport.sse"},
    "tenacity": {"transport.retry"},
    "xllamacpp": {"providers.local"},
}


class Import(NamedTuple):
    """One import statement, as `module` says it."""

    module: str
    target: str
    for_types: bool
    line: int


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__") if name != "__init__" else ""] = path
    return found


MODULES = modules()


@functools.cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name: str) -> Iterator[Import]:
    tree = tree_of(name)
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            own = node.module.startswith("rig_sync")
            targets = [t if own and t[9:] in MODULES else node.module for t in full]
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{name}:{node.lineno} has a relative import")
        else:
            continue
        for target in targets:
            yield Import(name, target, id(node) in typing_only, node.lineno)


def floor_of(name: str) -> tuple[int, str]:
    """The floor of a module, and the entry of `FLOORS` that says so."""
    for number, floor in enumerate(FLOORS):
        for entry in floor:
            if name == entry or name.startswith(f"{entry}."):
                return number, entry
    raise AssertionError(f"rig_sync.{name} is on no floor: add it to FLOORS")


HOUSED = [name for name in MODULES if name not in ("", "streaming")]


@pytest.mark.parametrize("name", HOUSED)
def test_imports_go_down(name: str) -> None:
    """No module imports from a higher floor, or from another folder of its own floor."""
    mine, _ = floor_of(name)
    for one in imports(name):
        target = one.target.removeprefix("rig_sync").removeprefix(".")
        if not one.target.startswith("rig_sync") or not target:
            continue
        theirs, _ = floor_of(target)
        same_folder = name.rpartition(".")[0] == target.rpartition(".")[0] or name in target
        inside = theirs == mine and (same_folder or target in name)
        assert theirs < mine or inside, f"{name}:{one.line} imports {target}"


@pytest.mark.parametrize("name", MODULES)
def test_each_third_party_has_one_room(name: str) -> None:
    """Third-party libraries are imported where ROOMS says; the standard library anywhere."""
    for one in imports(name):
        top = one.target.partition(".")[0]
        if top in ("rig_sync", "msgspec") or top in sys.stdlib_module_names:
            continue
        if one.for_types and top == "typing_extensions":
            continue
        assert name in ROOMS.get(top, ()), f"{name}:{one.line} imports {top}"


@pytest.mark.parametrize("name", MODULES)
def test_a_package_is_imported_before_what_is_in_it(name: str) -> None:
    """Or two threads, one at each, wait for each other: CPython gives one a `_DeadlockError`."""
    seen: set[str] = set()
    for node in tree_of(name).body:
        if isinstance(node, ast.ImportFrom):
            asked = [node.module or ""]
        elif isinstance(node, ast.Import):
            asked = [alias.name for alias in node.names]
        else:
            continue
        for target in asked:
            top, _, inner = target.partition(".")
            if top != "rig_sync" and top not in sys.stdlib_module_names:
                assert top in seen or not inner, f"{name} imports {target} before {top}"
            seen.add(top)


def loaded_with(package: str) -> set[str]:
    """The modules of `package` that it loads itself."""
    found, left = set[str](), [package]
    while left:
        targets = {one.target.removeprefix("rig_sync.") for one in imports(left.pop())}
        new = {one for one in targets if one.startswith(f"{package}.")} - found
        found |= new
        left += new
    return found


PACKAGES = [name for name, path in MODULES.items() if name and path.name == "__init__.py"]
INNER = {package: loaded_with(package) for package in PACKAGES}


@pytest.mark.parametrize("name", MODULES)
def test_what_a_package_loads_is_asked_of_the_package(name: str) -> None:
    """The same among our own: up to 3.12 who imports a module holds it, and waits for its package.

    The package, in another thread, waits for the module then.
    """
    asked = {home for home in rig_sync._HOMES if not name}
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.ImportFrom):
            asked.add((node.module or "").removeprefix("rig_sync."))
        elif isinstance(node, ast.Import):
            asked |= {alias.name.removeprefix("rig_sync.") for alias in node.names}
    for package, inner in INNER.items():
        if not f"{name}.".startswith(f"{package}."):
            assert not asked & inner, f"{name} imports {asked & inner} from outside"


@pytest.mark.parametrize("name", MODULES)
def test_pure_modules_import_no_effects(name: str) -> None:
    """What decides does no I/O, looks at no clock and starts no thread; nobody imports asyncio."""
    tops = {one.target.partition(".")[0] for one in imports(name) if not one.for_types}
    assert "asyncio" not in tops
    if any(name == entry or name.startswith(f"{entry}.") for entry in PURE):
        assert not tops & EFFECTS


@pytest.mark.parametrize("name", HOUSED)
def test_all_is_what_is_exported(name: str) -> None:
    """`__all__` names every public class and function of a module, and no others."""
    module = importlib.import_module(f"rig_sync.{name}")
    tree = tree_of(name)
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    }
    listed = set(getattr(module, "__all__", ()))
    if defined or listed:
        assert defined <= listed, f"not in __all__: {defined - listed}"
        assert [entry for entry in listed if not hasattr(module, entry)] == []


def test_the_front_door() -> None:
    """Every name of `rig_sync.__all__` can be had, and the type checker is told the same names."""
    tree = tree_of("")
    told = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rig_sync.")
        for alias in node.names
    }
    assert told | {"__version__"} == set(rig_sync.__all__) | {"__version__"}
    for name in rig_sync.__all__:
        assert getattr(rig_sync, name) is not None


@pytest.mark.parametrize("name", MODULES)
def test_size(name: str) -> None:
    """Files stay under 400 lines (a wire 450), functions under 60; no `finally` yields."""
    text = MODULES[name].read_text(encoding="utf-8")
    assert text.count("\n") <= (450 if name.startswith("wire.") else 400)
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{name}.{node.name} has {length} lines"
        if isinstance(node, ast.Try):
            inside = [inner for part in node.finalbody for inner in ast.walk(part)]
            assert not any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in inside)


def test_threads_start_in_one_module() -> None:
    """Only `streaming.threads` makes threads."""
    users = [
        name
        for name, path in MODULES.items()
        if "threading.Thread(" in path.read_text(encoding="utf-8")
    ]
    assert users == ["streaming.threads"]


@pytest.mark.parametrize("name", provider_names())
def test_every_provider_states_what_it_is(name: str) -> None:
    """A provider module has a client of its own name, on a wire."""
    kind = client_class(name)
    assert issubclass(kind, Client)
    assert kind.name == name
    assert kind.wire.name
