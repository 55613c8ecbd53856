"""What of the program a stage is made of: modules, libraries and schemas, found in the sources.

The modules are the stage's own and all of this project's that they import, directly or not. They are read
and not imported, so that the answer is the same in a checkout and in the packaged artefact.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

from jobs.settings import resources

PROJECT = "jobs"
DISTRIBUTIONS = {
    "delta": "delta-spark",
    "ruamel": "ruamel.yaml",
}  # libraries whose package is installed under another name


@dataclass(frozen=True)
class Sources:
    """The modules with the sha256 of each, the libraries they import, and the schemas they name."""

    modules: dict[str, str] = field(default_factory=dict)
    libraries: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()

    def versions(self) -> dict[str, str]:
        """The installed version of each library."""
        return {name: _version(name) for name in sorted(self.libraries)}


@dataclass(frozen=True)
class _Module:
    """A module of this project: the sha256 of its source, what it imports, the schemas it names."""

    digest: str
    modules: frozenset[str]
    libraries: frozenset[str]
    schemas: frozenset[str]


@cache
def _version(library: str) -> str:
    """The same question is asked for every slice."""
    return version(DISTRIBUTIONS.get(library, library))


@cache
def of_module(start: str) -> Sources:
    """The sources behind a module, such as `jobs.stages.link`."""
    modules: dict[str, _Module] = {}
    waiting = {start}
    while waiting:
        name = waiting.pop()
        module = _module(name)
        if module is not None and name not in modules:
            modules[name] = module
            waiting |= module.modules
    return Sources(
        {name: module.digest for name, module in sorted(modules.items())},
        frozenset[str]().union(*(module.libraries for module in modules.values())),
        frozenset[str]().union(*(module.schemas for module in modules.values())),
    )


@cache
def _module(name: str) -> _Module | None:
    """What stands in a module; None where the name is not that of a module."""
    content = _read(name)
    if content is None:
        return None
    tree = _without_main(ast.parse(content))
    modules, libraries = {name.rpartition(".")[0]} - {""}, set()
    for imported in _imported(tree):
        top = imported.partition(".")[0]
        if top == PROJECT:
            # The last part may be a name in a module, and not a module.
            modules |= {imported, imported.rpartition(".")[0]}
        elif top not in sys.stdlib_module_names:
            libraries.add(top)
    digest = hashlib.sha256(content).hexdigest()
    return _Module(digest, frozenset(modules), frozenset(libraries), frozenset(_schemas(tree)))


def _read(name: str) -> bytes | None:
    """The source of a module or a package; None where there is no such module."""
    place = resources.root()
    for part in name.split(".")[:-1]:
        place = place / part
    last = name.rpartition(".")[2]
    for file in (place / f"{last}.py", place / last / "__init__.py"):
        if file.is_file():
            return file.read_bytes()
    return None


def _without_main(tree: ast.Module) -> ast.Module:
    """The module without what it does as a program of its own."""
    main = ast.dump(ast.parse('__name__ == "__main__"', mode="eval").body)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and ast.dump(node.test) == main)]
    return tree


def _imported(tree: ast.Module) -> set[str]:
    """All names that a module imports, with dots, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _schemas(tree: ast.Module) -> set[str]:
    """The tables whose schema a module asks for by name, as in `schemas.table("survey")`."""
    return {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "schemas.table"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
