"""The documents name only what exists, name all that exists, and have valid examples.

A test that fails here prints the line that is missing, as far as it can be known.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from microblog.cli import main as command
from microblog.config.kinds import Setting
from microblog.config.load import Config, option, variable
from microblog.config.table import SETTINGS
from microblog.http.route import Route
from microblog.protocols.commands import COMMANDS
from microblog.tap import Options
from microblog.web import api, health, metrics, static
from microblog.web.html import TABLES

CHECKOUT = Path(__file__).parent.parent
DOCS = CHECKOUT / "docs"
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md")])


def text_of(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced examples of a document."""
    return re.findall(rf"^```{language}(?: \w+)?\n(.*?)^```", text_of(name), re.MULTILINE | re.DOTALL)


def code(name: str) -> set[str]:
    """Return the texts between backticks of a document."""
    return set(re.findall(r"`([^`\n]+)`", text_of(name)))


# ---------------------------------------------------------------------------------------------------- settings


def described(setting: Setting) -> str:
    """Return the line that documents a setting."""
    shown = setting.shown_default.replace("<", "\\<")
    many = " May be repeated." if setting.many else ""
    line = (
        f"| `{setting.key}`<br>`{option(setting.key)} {setting.metavar}` | `{variable(setting.key)}` | "
        f"{setting.help}{many} For example `{setting.example}` | {shown} |"
    )
    return line.replace("on|off", "on\\|off")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_each_setting_has_its_line(setting: Setting) -> None:
    assert described(setting) in text_of("docs/configuration.md").splitlines(), (
        f"docs/configuration.md needs this line:\n{described(setting)}"
    )


def test_no_setting_is_described_that_is_not_there() -> None:
    known = {option(each.key) for each in SETTINGS} | {variable(each.key) for each in SETTINGS}
    known |= {"--config", "MICROBLOG_CONFIG", "MICROBLOG_TEST_DATABASE"}
    for name in ("README.md", "docs/configuration.md"):
        named = set(re.findall(r"MICROBLOG_[A-Z_]+[A-Z]", text_of(name)))
        named |= set(re.findall(r"\| `(--[a-z-]+)", text_of(name)))
        assert named <= known, f"{name} names {sorted(named - known)}"


@pytest.mark.parametrize("example", blocks("docs/operations.md", "toml"))
def test_examples_of_files_are_right(example: str, tmp_path: Path) -> None:
    file = tmp_path / "microblog.toml"
    file.write_text(example)
    Config.load({"config": str(file), "data_dir": str(tmp_path)}, {})


# ---------------------------------------------------------------------------------------------------- addresses


def plain(path: str) -> str:
    """Return a path whose placeholders have one spelling: ``<int:id>``, ``<id>``, ``:id`` and ``{id}`` are the same."""
    path = re.sub(r"<(?:\w+:)?\w+>|\{\w+\}", "*", path)
    return re.sub(r"(?<=/):\w+", "*", path)


def addresses(name: str) -> set[str]:
    """Return ``METHOD /path`` of all addresses between backticks, bare paths as GET."""
    found = set()
    for each in code(name):
        match = re.fullmatch(r"(?:([A-Z|/, ]+) )?(/\S*)", each)
        if match is not None:
            for method in re.findall(r"[A-Z]+", match[1] or "GET"):
                found.add(f"{method} {plain(match[2].partition('?')[0])}")
    return found


PAGES = [route for table in (*TABLES, health.routes, metrics.routes, static.routes) for route in table]
ENDPOINTS = [route for table in api.TABLES for route in table]
WHO = {"optional": "anyone", "none": "anyone", "required": "logged in", "app": "a program"}


def test_each_page_has_its_line() -> None:
    known = addresses("docs/pages.md")
    missing = [route for route in PAGES if f"{route.method} {plain(route.path)}" not in known]

    def line(route: Route) -> str:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", route.path)
        summary = route.summary.rstrip(".").replace("``", "`")
        return f"| `{route.method} {path}` | {WHO[route.viewer]} | {summary} |"

    assert not missing, "docs/pages.md needs these lines:\n" + "\n".join(map(line, missing))


def test_no_page_is_described_that_is_not_there() -> None:
    there = {f"{route.method} {plain(route.path)}" for route in PAGES}
    rows = "\n".join(line for line in text_of("docs/pages.md").splitlines() if line.startswith("| `"))
    named = {
        f"{method} {plain(path)}"
        for method, path in re.findall(r"^\| `([A-Z]+) (/[^`]*)`", rows, re.MULTILINE)
    }
    assert named - there == set()


def test_each_endpoint_of_the_api_has_its_line() -> None:
    known: set[str] = set()
    for document in DOCS.glob("*.md"):
        known |= addresses(f"docs/{document.name}")
    missing = {
        f"{route.method} {route.path}"
        for route in ENDPOINTS
        if f"{route.method} {plain(route.path)}" not in known
    }
    assert not missing, "docs/api.md does not name:\n" + "\n".join(sorted(missing))


# ---------------------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize("spoken", COMMANDS, ids=lambda each: each.name)
def test_each_command_of_the_push_port_has_its_line(spoken: Any) -> None:
    rows = [line for line in text_of("docs/push-protocol.md").splitlines() if line.startswith("| `")]
    assert any(re.match(rf"\| `{spoken.name}\b", line) for line in rows)


def commands(group: click.Group, prefix: str = "microblog") -> Iterator[str]:
    for name, each in sorted(group.commands.items()):
        if isinstance(each, click.Group):
            yield from commands(each, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


@pytest.mark.parametrize("words", list(commands(command)))
def test_each_console_command_has_its_line(words: str) -> None:
    rows = [line for line in text_of("docs/operations.md").splitlines() if line.startswith("| `microblog")]
    assert any(re.search(rf"`{words}\b", line) for line in rows), f"docs/operations.md does not name {words}"


def test_no_console_command_is_described_that_is_not_there() -> None:
    there = set(commands(command))
    for document in DOCUMENTS:
        for each in code(str(document.relative_to(CHECKOUT))):
            if re.match(r"microblog [a-z]+( |$)", each):
                words = [word for word in each.split() if not word.startswith("-")]
                assert " ".join(words[:3]) in there or " ".join(words[:2]) in there, (
                    f"{document.name}: {each}"
                )


def test_each_target_of_make_that_is_named_exists() -> None:
    there = set(re.findall(r"^([\w-]+):", text_of("Makefile"), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(
            re.findall(r"(?:`|^    )make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert named <= there, f"{document.name} names {named - there}"


def test_make_bench_runs_benchmarks_that_are_there() -> None:
    (listed,) = re.findall(r"^BENCHMARKS = (.*)$", text_of("Makefile"), re.MULTILINE)
    for name in listed.split():
        tree = ast.parse(text_of(f"benchmarks/{name}.py"))
        assert any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)


# ---------------------------------------------------------------------------------------------------- readings


def readings() -> list[str]:
    tree = ast.parse(text_of("microblog/runtime/metrics.py"))
    return sorted(
        {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"microblog_[a-z_]+", node.value)
        }
    )


@pytest.mark.parametrize("name", readings())
def test_each_reading_has_its_line(name: str) -> None:
    assert name in text_of("docs/operations.md"), f"docs/operations.md does not name {name}"


# ---------------------------------------------------------------------------------------------------- examples


def lines_of(language: str, *names: str) -> list[tuple[str, str]]:
    return [
        (name, line.replace("\\\n", " "))
        for name in names
        for block in blocks(name, language)
        for line in block.splitlines()
    ]


def services() -> list[str]:
    """Return each ``twistd … microblog …`` line that a reader may type or a unit starts."""
    written = lines_of("sh", "README.md", "docs/operations.md") + lines_of("ini", "docs/operations.md")
    return [line for _, line in written if re.search(r"\btwistd .*\bmicroblog\b", line)]


@pytest.mark.parametrize("line", services())
def test_services_are_started_as_printed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """twistd accepts its own options and ours. The sockets and certificates that they name do not exist here."""
    from twisted.scripts._twistd_unix import ServerOptions

    words = shlex.split(line.partition("=")[2] if line.startswith("ExecStart=") else line, comments=True)
    words = words[[Path(word).name for word in words].index("twistd") + 1 :]
    own, ours = words[: words.index("microblog")], words[words.index("microblog") + 1 :]
    twistd = ServerOptions()
    twistd.parseOptions(own)
    assert twistd["nodaemon"], "a service manager and a terminal want it in the foreground"

    class Given(Options):
        def postOptions(self) -> None:
            """Not yet: what the example names has to be made first."""

    given = Given()
    given.parseOptions(ours)
    Config.load({**given.settings(), "data_dir": str(tmp_path)}, {}, listening=False)


def units() -> dict[str, str]:
    """Return systemd's units by their file names."""
    found = re.findall(
        r"^`/etc/systemd/system/([^`]+)`\n\n```ini\n(.*?)^```",
        text_of("docs/operations.md"),
        re.MULTILINE | re.DOTALL,
    )
    return dict(found)


def test_the_service_adopts_the_sockets_that_systemd_opens() -> None:
    named = units()
    service = named["microblog.service"]
    sockets = {name: text for name, text in named.items() if name.endswith(".socket")}
    assert sockets
    handed = {re.search(r"^FileDescriptorName=(.+)$", text, re.MULTILINE)[1] for text in sockets.values()}  # type: ignore[index]
    assert set(re.findall(r"--\w+ systemd:domain=INET:name=(\w+)", service)) == handed
    for name, text in sockets.items():
        assert f"{name}" in re.search(r"^Requires=(.+)$", service, re.MULTILINE)[1].split()  # type: ignore[index]
        assert "Service=microblog.service" in text


def test_nginx_lets_websockets_through_and_says_who_asks() -> None:
    (nginx,) = blocks("docs/operations.md", "nginx")
    given = dict(re.findall(r"proxy_set_header (\S+) (\S+);", nginx))
    assert given["Upgrade"] == "$http_upgrade"
    assert given["Connection"] == "$connection_upgrade"
    assert "map $http_upgrade $connection_upgrade" in nginx
    assert given["Host"] == "$host"
    assert given["X-Forwarded-For"] == "$proxy_add_x_forwarded_for"
    assert given["X-Forwarded-Proto"] == "$scheme"


def test_each_line_of_the_log_that_is_explained_is_one_that_is_written() -> None:
    section = text_of("docs/operations.md").partition("### What the log says")[2].partition("\n### ")[0]
    lines = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(lines) > 5
    written = "\n".join(path.read_text() for path in (CHECKOUT / "microblog").rglob("*.py"))
    for line in lines:
        for piece in re.split(r"…|: ", line):
            assert piece.strip(" .;") in written, f"{line}: nothing in microblog/ says {piece!r}"


def test_the_readme_shows_the_greeting_as_it_is() -> None:
    from microblog.protocols.push import PushFactory

    class Site:
        config = Config.load({}, {}, listening=False)

        @staticmethod
        def now() -> None:
            """Nothing is rendered here."""

    from twisted.internet.task import Clock

    greeting = PushFactory(Site(), Clock()).greeting  # type: ignore[arg-type]
    (console,) = blocks("README.md", "console")
    assert f"* {greeting}" in console.splitlines()


# ---------------------------------------------------------------------------------------------------- links


def anchors(document: Path) -> set[str]:
    """Return the fragments of a document's headings on the common forges."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(words.replace(" ", "-"))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), f"{document.name} links to {target}"
        if fragment:
            assert fragment in anchors(there), f"{document.name} links to {target}"


def test_the_index_of_decisions_is_whole() -> None:
    index = text_of("docs/decisions/README.md").splitlines()
    missing = []
    for page in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        title = re.sub(r"^# \d+[.:] ", "", page.read_text(encoding="utf-8").partition("\n")[0])
        line = f"- [{page.name[:4]}]({page.name}) {title}"
        if line not in index:
            missing.append(line)
    assert not missing, "docs/decisions/README.md needs these lines:\n" + "\n".join(missing)


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [page.name[:4] for page in (DOCS / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


def test_pictures_are_small() -> None:
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size < 150_000, picture.name


# ---------------------------------------------------------------------------------------------------- language

#: Names of earlier releases that nothing may have again. `docs/glossary.md` has the terms of today.
OLD_NAMES = (
    "Notifier", "Readership", "Ties", "Standing", "seats", "KeptPages", "hold_everyone_near", "fell_short",
    "choose_way", "there_is", "testrig",
)  # fmt: skip
#: Words that hide who or what is meant. Say the viewer, the author, the account, the client.
VAGUE_WORDS = ("whom", "whoever", "oneself", "one's", "somebody", "asker")
#: The folders and documents that are free of them.
CLEAN: tuple[str, ...] = (
    "microblog/app.py",
    "microblog/config",
    "microblog/net",
    "microblog/services/notifications",
    "microblog/store/engine",
    "microblog/store/posts",
    "microblog/tap.py",
    "microblog/web/streaming",
    "tests/browser",
    "tests/certificates.py",
    "tests/cli",
    "tests/config",
    "tests/conftest.py",
    "tests/database.py",
    "tests/domain",
    "tests/factories.py",
    "tests/faults",
    "tests/growth.py",
    "tests/http",
    "tests/leaks.py",
    "tests/mastodon",
    "tests/net",
    "tests/recount.py",
    "tests/runtime",
    "tests/store",
    "tests/test_architecture.py",
    "tests/test_cli.py",
    "tests/test_examples.py",
    "tests/test_leaks.py",
    "tests/test_packaging.py",
    "tests/test_secrets.py",
    "tests/test_tap.py",
    "tests/test_traps.py",
    "tests/waiting.py",
    "docs/architecture.md",
    "docs/configuration.md",
    "docs/decisions",
    "docs/glossary.md",
    "docs/operations.md",
    "docs/pages.md",
    "docs/performance.md",
    "docs/streaming.md",
    "templates/base.html",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "Makefile",
)
SUFFIXES = {".css", ".html", ".js", ".md", ".py", ".sql", ".txt"}


def uses(word: str, place: str, flags: int = 0) -> list[str]:
    """Return where a word stands in a file, or in the texts of a folder: ``path:line``."""
    start = CHECKOUT / place
    files = (
        [start] if start.is_file() else sorted(each for each in start.rglob("*") if each.suffix in SUFFIXES)
    )
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", flags)
    return [
        f"{file.relative_to(CHECKOUT)}:{number}"
        for file in files
        if file != Path(__file__)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("word", OLD_NAMES)
def test_old_name_does_not_come_back(word: str) -> None:
    assert not [use for place in ("microblog", "tests", "docs", "templates") for use in uses(word, place)]


@pytest.mark.parametrize("place", CLEAN)
def test_text_names_the_person_or_thing_that_is_meant(place: str) -> None:
    assert not [use for word in VAGUE_WORDS for use in uses(word, place, re.IGNORECASE)]


def test_glossary_is_sorted() -> None:
    terms = re.findall(r"^\| ([^|]+) \| ", text_of("docs/glossary.md"), re.MULTILINE)[1:]
    assert terms == sorted(terms, key=str.casefold)
