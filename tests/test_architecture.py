"""The layers: imports point down. The contracts are in pyproject.toml; these tests keep them, and keep them true."""

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


def modules_below(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def imported_by(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it, but for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_contracts_hold() -> None:
    """In a process of its own, as ``make check`` runs it."""
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_contracts_name_modules_that_exist() -> None:
    """A contract about a module that was renamed would hold for ever."""
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


def test_only_the_store_and_the_wiring_reach_the_database(graph: grimp.ImportGraph) -> None:
    for library in ("txpostgres", "psycopg2", "dbxs"):
        if library not in graph.modules:
            continue
        for importer in graph.find_modules_that_directly_import(library):
            assert importer.startswith("microblog.store"), f"{importer} imports {library}"


#: Beside the standard library.
PURE = {"microblog", "regex", "nh3", "idna", "msgspec"}
#: Of the standard library: what does something, and does not only compute.
DOING = {
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
        assert top not in DOING, f"{path.name} imports {name}"
        if top == "microblog":
            assert name == "microblog" or name.startswith("microblog.domain"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", modules_below("domain"), ids=lambda path: path.stem)
def test_the_domain_is_synchronous(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path.name}:{node.lineno}"


#: Where the reactor is chosen and handed on.
WIRING = {PACKAGE / "tap.py", PACKAGE / "app.py", *modules_below("cli")}


@pytest.mark.parametrize(
    "path", sorted(set(PACKAGE.rglob("*.py")) - WIRING), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_the_reactor_is_passed_in(path: Path) -> None:
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


def test_the_plugin_is_a_service_maker_and_nothing_else() -> None:
    tree = ast.parse((CHECKOUT / "twisted" / "plugins" / "microblog_plugin.py").read_text())
    kinds = [type(node).__name__ for node in tree.body]
    assert kinds == ["Expr", "ImportFrom", "Assign"]


def test_the_plugin_folders_are_no_packages() -> None:
    """An ``__init__.py`` there would hide Twisted itself."""
    assert not (CHECKOUT / "twisted" / "__init__.py").exists()
    assert not (CHECKOUT / "twisted" / "plugins" / "__init__.py").exists()


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_only_one_module_normalises_unicode(path: Path) -> None:
    """Elsewhere nothing would cut the runs of marks that make it slow."""
    if path == PACKAGE / "domain" / "normal.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = (
            node.attr if isinstance(node, ast.Attribute) else node.name if isinstance(node, ast.alias) else ""
        )
        assert name not in ("normalize", "is_normalized"), f"{path.name} normalises by itself"


#: What bounds the memory of each cache: the number of entries, and the size of the largest key.
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
    """The functions of a file whose results ``lru_cache`` or ``cache`` remembers."""
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
    """A cache keyed by a text of any length fills the memory: check the length first, and list it here."""
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
    """Who may see, who wants to see and who blocks whom is composed in `store.relations`."""
    if path.name not in RELATION_MODULES:
        assert relation_conditions(path) == [], f"{path.name}: take the condition from store/relations.py"


def test_relation_conditions_are_recognised() -> None:
    """The test above would find nothing if its pattern were wrong."""
    for name in sorted(RELATION_MODULES):
        assert relation_conditions(PACKAGE / "store" / name), name
