"""What docs/push-protocol.md says: its transcripts, its programs, its commands and its grammar."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from microblog.protocols import commands
from tests.protocols.running import Person, Running
from tests.waiting import Program, until

DOCUMENT = (Path(__file__).parents[2] / "docs" / "push-protocol.md").read_text(encoding="utf-8")


def transcripts() -> list[str]:
    return re.findall(r"```transcript\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("number", range(len(transcripts())))
async def test_the_transcripts_are_what_happens(running: Running, number: int) -> None:
    await running.person("bob")
    facts = {
        "bob's token": await running.microblog.tokens.create(await running.person("bob"), ["read", "write"])
    }
    client: Person | None = None
    first_cursor = ""
    for line in transcripts()[number].splitlines():
        mark, rest = line[:3].rstrip(), line[3:]
        if mark == "--":
            name, text = rest.split(" posts: ")
            await running.post(text, name)
            before = int(first_cursor or 0)
            await until(running.reactor, lambda before=before: running.microblog.dispatcher.position > before)
            if not first_cursor:
                first_cursor = str(running.microblog.dispatcher.position)
                facts["the cursor after the first"] = first_cursor
        elif mark == "S:":
            client = client or await _bare(running)
            heard = await client.hears()
            pattern = re.escape(rest)
            for name, kind in (
                ("<time>", r"\d\d:\d\d"),
                ("<id>", r"\d+"),
                ("<cursor>", r"\d+"),
                ("<url>", r"http://localhost:8000/@bob/\d+"),
                ("<text>", ".+"),
                ("<json>", '.+"cursor":"\\d+".*}'),
            ):
                pattern = pattern.replace(re.escape(name), kind)
            assert re.fullmatch(pattern, heard), f"{line!r}, but heard {heard!r}"
            if found := re.search(r"\[(\d+)\]$", heard):
                facts["the last id"] = found.group(1)
        else:
            assert mark == "C:"
            assert client is not None
            client.say(re.sub(r"\{(.*?)\}", lambda match: facts[match.group(1)], rest))


async def _bare(running: Running) -> Person:
    endpoint = TCP4ClientEndpoint(running.reactor, "127.0.0.1", running.port_number)
    client = await connectProtocol(endpoint, Person(running.reactor))
    running.clients.append(client)
    return client


@pytest.mark.parametrize("language", ["python", "bash", "javascript"])
async def test_the_documents_readers_miss_nothing_across_a_restart(
    running: Running, language: str, tmp_path: Path
) -> None:
    import shutil

    program_name = {"bash": "bash", "javascript": "node"}.get(language, sys.executable)
    interpreter = shutil.which(program_name)
    if interpreter is None:
        pytest.skip(f"there is no {program_name} here")
    [source] = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    script = tmp_path / "reader"
    script.write_text(source, encoding="utf-8")
    program = Program()
    process = running.reactor.spawnProcess(
        program, interpreter, [interpreter, str(script), "127.0.0.1", str(running.port_number)]
    )

    def seen() -> list[str]:
        return re.findall(r"number (\d)", program.output.decode())

    try:
        await until(running.reactor, lambda: any(_subscribed(each) for each in running.factory))
        for number in range(3):
            await running.post(f"number {number}")
        await until(running.reactor, lambda: len(seen()) == 3)
        await running.stop()
        await running.start()
        for number in range(3, 6):
            await running.post(f"number {number}")
        await until(running.reactor, lambda: len(seen()) >= 6)
        assert seen() == ["0", "1", "2", "3", "4", "5"]
    finally:
        process.signalProcess("KILL")
        await program.ended
    assert program.errors == b""


def _subscribed(connection: Any) -> bool:
    return connection._session.format == "json" and bool(connection._live.streams)


def test_each_command_has_its_line_in_the_document() -> None:
    for command in commands.COMMANDS:
        form = command.form.replace("|", r"\|")
        assert f"| `{form}` |" in DOCUMENT, command.form


def test_the_grammar_in_the_document_is_the_one_of_the_source() -> None:
    [documented] = re.findall(r"```abnf\n(.*?)```", DOCUMENT, re.DOTALL)
    source = commands.__doc__ or ""
    for line in documented.splitlines():
        if line:
            rule = re.sub(r"\s+", " ", line).strip()
            assert rule in re.sub(r"[ \t]+", " ", source), line
