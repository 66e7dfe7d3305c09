"""The architecture: imports point down and never in a circle. pyproject.toml has the contracts of the floors."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "microblog"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("microblog", include_external_packages=True, cache_dir=None)


def import_circles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Return the groups of modules that import each other, by Tarjan's algorithm; type-checking imports count."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[set[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for imported in graph.find_modules_directly_imported_by(module):
            if imported not in order:
                visit(imported)
            if imported in stack:
                lowest[module] = min(lowest[module], lowest[imported])
        if lowest[module] == order[module]:
            start = stack.index(module)
            if len(stack) - start > 1:
                circles.append(set(stack[start:]))
            del stack[start:]

    for module in sorted(graph.modules):
        if module not in order:
            visit(module)
    return circles


def test_no_modules_import_each_other(graph: grimp.ImportGraph) -> None:
    circles = import_circles(graph)
    assert not circles, "\n".join(", ".join(sorted(circle)) for circle in circles)


def test_import_circles_are_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")):
        graph.add_import(importer=importer, imported=imported)
    assert import_circles(graph) == [{"b", "c"}]


def modules_below(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def imported_by(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_import_contracts_hold() -> None:
    """The contracts run in a process of their own, as in ``make check``."""
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_import_contracts_name_existing_modules() -> None:
    """A contract about a renamed module would always hold."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]
    for contract in settings["contracts"]:
        for module in contract.get("source_modules", ()):
            path = CHECKOUT.joinpath(*module.split("."))
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


ADAPTERS = ("web", "protocols", "tasks", "federation")


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_never_import_each_other(graph: grimp.ImportGraph, adapter: str) -> None:
    for other in ADAPTERS:
        ours, theirs = f"microblog.{adapter}", f"microblog.{other}"
        if other == adapter or ours not in graph.modules or theirs not in graph.modules:
            continue
        chain = graph.find_shortest_chain(ours, theirs, as_packages=True)
        assert chain is None, " -> ".join(chain or ())


def test_only_the_store_imports_database_libraries(graph: grimp.ImportGraph) -> None:
    for library in ("txpostgres", "psycopg2", "dbxs"):
        if library not in graph.modules:
            continue
        for importer in graph.find_modules_that_directly_import(library):
            assert importer.startswith("microblog.store"), f"{importer} imports {library}"


#: Packages that the domain may use beside the standard library.
PURE = {"microblog", "regex", "nh3", "idna", "msgspec"}
#: Modules of the standard library with effects.
EFFECTS = {
    "socket",
    "subprocess",
    "threading",
    "asyncio",
    "sqlite3",
    "http",
    "logging",
    "select",
    "multiprocessing",
}


@pytest.mark.parametrize("path", modules_below("domain"), ids=lambda path: path.stem)
def test_the_domain_is_pure(path: Path) -> None:
    for name in imported_by(path):
        top = name.split(".")[0]
        assert top in PURE or top in sys.stdlib_module_names, f"{path.name} imports {name}"
        assert top not in EFFECTS, f"{path.name} imports {name}"
        if top == "microblog":
            assert name == "microblog" or name.startswith("microblog.domain"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", modules_below("domain"), ids=lambda path: path.stem)
def test_the_domain_is_synchronous(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path.name}:{node.lineno}"


#: The modules that choose a reactor and pass it on.
WIRING = {PACKAGE / "tap.py", PACKAGE / "app.py", *modules_below("cli")}


@pytest.mark.parametrize(
    "path", sorted(set(PACKAGE.rglob("*.py")) - WIRING), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_modules_get_the_reactor_as_an_argument(path: Path) -> None:
    assert "twisted.internet.reactor" not in set(imported_by(path))


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_nothing_blocks_the_reactor(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("time.sleep", "sleep", "os.system", "psycopg2.connect"), (
                f"{path}:{node.lineno}"
            )
            assert not called.startswith(("subprocess.", "requests.", "urllib.request.")), (
                f"{path}:{node.lineno}"
            )


def test_plugin_only_makes_the_service() -> None:
    tree = ast.parse((CHECKOUT / "twisted" / "plugins" / "microblog_plugin.py").read_text())
    kinds = [type(node).__name__ for node in tree.body]
    assert kinds == ["Expr", "ImportFrom", "Assign"]


def test_plugin_folders_are_not_packages() -> None:
    """An ``__init__.py`` there would hide Twisted."""
    assert not (CHECKOUT / "twisted" / "__init__.py").exists()
    assert not (CHECKOUT / "twisted" / "plugins" / "__init__.py").exists()


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_only_one_module_normalises_unicode(path: Path) -> None:
    """Only that module limits the runs of combining marks that make normalising slow."""
    if path == PACKAGE / "domain" / "normalisation.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = (
            node.attr if isinstance(node, ast.Attribute) else node.name if isinstance(node, ast.alias) else ""
        )
        assert name not in ("normalize", "is_normalized"), f"{path.name} normalises by itself"


#: The largest key of each cache; with the number of entries it bounds the memory.
CACHES = {
    ("domain/hosts.py", "_host"): "a host name of at most 253 characters",
    ("domain/hosts.py", "_link_host"): "a host name of at most 253 characters",
    ("domain/hosts.py", "_shown_host"): "a host name of at most 253 characters",
    ("domain/text.py", "_hashtag_key"): "a hashtag of at most 400 characters",
    ("domain/addresses.py", "address_key"): "a network address",
    ("domain/rate_limits.py", "network_key"): "a network address",
    ("http/proxies.py", "_look_up"): "a network address",
    ("web/streaming/frames.py", "_for_sockets"): "a stream, whose tag is a key of at most 100 characters",
    ("web/streaming/frames.py", "_for_sse"): "a stream, whose tag is a key of at most 100 characters",
    ("http/templates.py", "format_day"): "a date",
    ("http/templates.py", "format_count"): "a number",
}


def caches_of(path: Path) -> Iterator[str]:
    """Yield the functions of a file with ``lru_cache`` or ``cache``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if ast.unparse(called).split(".")[-1] in ("lru_cache", "cache"):
                    assert isinstance(decorator, ast.Call), f"{path.name}: give {node.name} a maxsize"
                    yield node.name
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Call)
            and ast.unparse(node.func.func).split(".")[-1] == "lru_cache"
        ):
            yield ast.unparse(node.args[0]).split(".")[-1]


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_each_cache_has_bounded_keys(path: Path) -> None:
    """A cache keyed by texts of any length fills the memory: check the length first, and list the cache here."""
    for name in caches_of(path):
        assert (path.relative_to(PACKAGE).as_posix(), name) in CACHES


#: Modules that may spell a condition about blocks and mutes: the one that composes them, and those that own the tables.
RELATION_MODULES = {"relations.py", "follows.py", "pruning.py"}
_RELATION_READ = re.compile(r"\b(?:FROM|JOIN|USING)\s+(?:blocks|mutes)\b", re.IGNORECASE)


def relation_conditions(path: Path) -> list[int]:
    """Return the lines of string literals that read the tables of blocks or mutes."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _RELATION_READ.search(node.value)
    ]


@pytest.mark.parametrize("path", modules_below("store"), ids=lambda path: path.stem)
def test_relation_conditions_come_from_one_module(path: Path) -> None:
    """Conditions about visibility, mutes and blocks are composed in `store.relations` alone."""
    if path.name not in RELATION_MODULES:
        assert relation_conditions(path) == [], f"{path.name}: take the condition from store/relations.py"


def test_relation_conditions_are_recognised() -> None:
    """The test above would find nothing if its pattern were wrong."""
    for name in sorted(RELATION_MODULES):
        assert relation_conditions(PACKAGE / "store" / name), name
