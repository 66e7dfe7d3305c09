"""``microblog tail``: each event once, whatever happens to the connection."""

from __future__ import annotations

import json
import random
import re
import ssl
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from click.testing import CliRunner

from microblog.cli.tail import Line, Refused, Tail, as_text, tail
from tests.certificates import certificate
from tests.protocols.running import Running
from tests.waiting import Program, until


def event(position: int | None, kind: str = "post", number: int = 0, text: str = "Hello", **more: Any) -> str:
    status = {
        "id": str(number or position), "account": {"acct": "ann"}, "reblog": None, "visibility": "public",
        "spoiler_text": "", "content": f"<p>{text}</p>", "url": "http://a/1", **more,
    }  # fmt: skip
    said = {"event": kind, "at": "2026-03-04T12:00:00.000Z", "status": status}
    return json.dumps(said if position is None else {**said, "cursor": str(position)}, separators=(",", ":"))


class Script:
    """Connections that say what they were told to, then end; after the last, the test ends."""

    def __init__(self, *conversations: Sequence[str] | OSError) -> None:
        self._left = list(conversations)
        self.asked: list[list[str]] = []
        self.shown: list[str] = []
        self.said: list[str] = []
        self.kept: list[int] = []
        self.waits: list[float] = []

    def connect(self) -> Any:
        if not self._left:
            raise KeyboardInterrupt
        self._now = self._left.pop(0)
        if isinstance(self._now, OSError):
            raise self._now
        return self

    def send(self, lines: Sequence[str]) -> None:
        self.asked.append(list(lines))

    def __iter__(self) -> Iterator[bytes]:
        assert not isinstance(self._now, OSError)
        return iter([line.encode() for line in self._now])

    def close(self) -> None:
        pass

    def run(self, *streams: str, **more: Any) -> Tail:
        made = Tail(
            streams=streams or ("public",),
            server="a.example:7000",
            connect=self.connect,
            show=lambda event, line: self.shown.append(event.cursor or f"#{event.subject[1]}"),
            say=self.said.append,
            keep=self.kept.append,
            sleep=self.waits.append,
            **more,
        )
        with pytest.raises(KeyboardInterrupt):
            made.run()
        return made


GREETING = "* Microblog"


def test_it_resumes_where_it_was() -> None:
    script = Script(
        [GREETING, "OK FORMAT json", "OK SUBSCRIBE public CURSOR 3", "OK PING 3", event(4), event(6)],
        OSError("refused"),
        [GREETING, "OK SUBSCRIBE public CURSOR 6", event(7), "OK PING 7", "BYE restart 9"],
        [GREETING],
    )
    script.run()
    assert script.shown == ["4", "6", "7"]
    assert [asked[-2] for asked in script.asked] == [
        "SUBSCRIBE public", "SUBSCRIBE public SINCE 6 LAST 100", "SUBSCRIBE public SINCE 9 LAST 100",
    ]  # fmt: skip
    assert script.kept == [3, 4, 6, 7, 9]


def test_cut_while_several_streams_catch_up_it_goes_back_and_repeats_nothing() -> None:
    script = Script(
        [GREETING, "OK SUBSCRIBE tag:a CURSOR 2", event(3), event(9), "OK SUBSCRIBE tag:b CURSOR 2", event(4)],
        [
            GREETING, "OK SUBSCRIBE tag:a CURSOR 2", event(3), event(9),
            "OK SUBSCRIBE tag:b CURSOR 2", event(4), event(5), "OK PING 9", event(10),
        ],
    )  # fmt: skip
    made = script.run("tag:a", "tag:b", cursor=2)
    assert script.shown == ["3", "9", "4", "5", "10"]
    assert made.cursor == 10
    assert script.asked[1][-2] == "SUBSCRIBE tag:b SINCE 2 LAST 100"


def test_a_log_that_does_not_reach_back_is_told_and_what_was_seen_is_not_repeated() -> None:
    script = Script(
        [GREETING, "OK SUBSCRIBE public CURSOR 3", "OK PING 3", event(4, number=50)],
        [
            GREETING, "OK SUBSCRIBE public CURSOR 90 GAP", event(None, number=50), event(None, number=51),
            "OK PING 90", event(91, number=52),
        ],
    )  # fmt: skip
    script.run()
    assert script.shown == ["4", "#51", "91"]
    assert any("may be missing" in said for said in script.said)


def test_waits_grow_and_begin_anew_after_success() -> None:
    refused = [OSError("refused")] * 9
    script = Script(*refused, [GREETING, "OK PING 1"], OSError("refused"))
    script.run()
    waits = script.waits
    assert waits[0] < 0.7
    assert all(wait <= 30 * 1.25 for wait in waits)
    assert waits[8] > 20
    assert waits[9] < 0.7


@pytest.mark.parametrize("line", ["ERR not-found There is no such account.", "BYE revoked 7"])
def test_what_would_be_refused_again_ends_it(line: str) -> None:
    with pytest.raises(Refused):
        Script([GREETING, line]).run("user:nobody")


def test_messages_name_the_server_and_wait_whole_seconds() -> None:
    script = Script(OSError("refused"), *[OSError("refused")] * 4, [GREETING])
    script.run()
    assert all("a.example:7000" in said for said in script.said)
    assert not any(re.search(r"\d\.\d", said) for said in script.said)
    assert re.search(r"Trying again in \d+ seconds\.", script.said[4])


def test_what_passes_is_tried_again() -> None:
    script = Script([GREETING, "ERR unavailable Back in a moment."], [GREETING, "OK PING 2"])
    script.run()
    assert len(script.asked) == 2


def test_tls_at_a_port_that_does_not_speak_it_is_told_in_words() -> None:
    heard = ssl.MemoryBIO()
    heard.write(b"* Microblog: Microblog push protocol 1.\r\n")
    talking = ssl.create_default_context().wrap_bio(heard, ssl.MemoryBIO(), server_hostname="a.example")
    with pytest.raises(ssl.SSLError) as raised:
        talking.do_handshake()
    script = Script(raised.value)
    script.run()
    assert "does not speak TLS" in script.said[0]
    assert "--port" in script.said[0]


def test_a_line_for_people_has_no_control_characters_and_no_tags() -> None:
    line = Line(**json.loads(event(7, text="a\x1b[31m<b>b</b> &lt;i&gt;<br>c")))
    shown = as_text(line).plain
    assert shown.endswith("@ann: a[31mb <i> c [7]")
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"spoiler_text": "The end"}, "@ann: CW “The end” http://a/1 [7]"),
        ({"visibility": "direct"}, "@ann (direct): Hello [7]"),
        ({"reblog": json.loads(event(3))["status"]}, "@ann boosted @ann: Hello [3]"),
    ],
)
def test_lines_for_people(given: dict[str, Any], words: str) -> None:
    assert as_text(Line(**json.loads(event(7, **given)))).plain.endswith(words)


def test_a_deletion_is_a_line_too() -> None:
    assert as_text(Line("delete", "2026-03-04T12:00:00.000Z", "5", "77")).plain.endswith("deleted [77]")


def test_blanks_can_not_smuggle_a_second_command_in() -> None:
    asked = CliRunner().invoke(tail, ["--stream", "public\nPOST boo"])
    assert asked.exit_code == 2


# -- the real program


def texts(program: Program) -> list[str]:
    return [json.loads(line)["status"]["content"] for line in program.output.split(b"\n")[:-1]]


@pytest_twisted.async_yield_fixture
async def running(dsn: str, reactor_: Any) -> AsyncIterator[Running]:
    made = Running(dsn, reactor_, rate_limits="off")
    await made.start()
    yield made
    await made.stop()


@pytest.mark.filterwarnings(
    "ignore:Passing pyOpenSSL:DeprecationWarning"
)  # Twisted's, at the first handshake
@pytest.mark.parametrize("tls", [False, True])
async def test_it_reads_across_a_restart_plain_and_over_tls(
    running: Running, tmp_path: Path, tls: bool
) -> None:
    from twisted.internet.endpoints import serverFromString

    extra: list[str] = []
    port = running.port_number
    secure: Any = None
    if tls:
        pem = certificate(tmp_path)
        endpoint = serverFromString(
            running.reactor, f"ssl:0:privateKey={pem}:certKey={pem}:interface=127.0.0.1"
        )
        secure = await endpoint.listen(running.factory)
        port, extra = secure.getHost().port, ["--tls", "--ca", str(pem)]
    keep = tmp_path / "cursor"
    program = Program()
    words = ["--host", "localhost", "--port", str(port), "--json", "--keep", str(keep), *extra]
    code = "import sys; from microblog.cli import main; sys.argv[0] = 'microblog'; main()"
    process = running.reactor.spawnProcess(
        program, sys.executable, [sys.executable, "-c", code, "tail", *words], env=None
    )
    try:
        await until(running.reactor, keep.exists)
        for number in range(3):
            await running.post(f"number {number}")
        await until(running.reactor, lambda: len(texts(program)) == 3)
        for connection in running.factory:  # cut, with an event on its way
            connection.transport.abortConnection()
        for number in range(3, 6):
            await running.post(f"number {number}")
        await until(running.reactor, lambda: len(texts(program)) >= 6)
        if not tls:
            await running.stop()
            await running.start()
            await running.post("number 6")
            await until(running.reactor, lambda: len(texts(program)) >= 7)
        assert texts(program) == [f"<p>number {number}</p>" for number in range(6 if tls else 7)]
    finally:
        process.signalProcess("INT")
        await program.ended
        if secure is not None:
            await secure.stopListening()
    assert int(keep.read_text()) > 0
    assert b"Traceback" not in program.errors


@pytest.mark.parametrize("seed", range(20))
def test_cut_anywhere_it_shows_each_event_once(seed: int) -> None:
    """A server with a log, two streams, and connections that end after any line."""
    chance = random.Random(seed)
    log = list(range(1, 41))
    streams = {"even": lambda n: n % 2 == 0, "third": lambda n: n % 3 == 0}
    shown: list[int] = []
    there = connections = 0

    class Cut:
        def send(self, lines: Sequence[str]) -> None:
            self.lines = lines

        def __iter__(self) -> Iterator[bytes]:
            said: list[str] = []
            delivered: set[int] = set()
            for line in self.lines:
                words = line.split()
                if words[0] == "SUBSCRIBE":
                    since = int(words[3]) if len(words) > 3 else there
                    said.append(f"OK SUBSCRIBE {words[1]} CURSOR {since}")
                    new = [
                        n for n in log if since < n <= there and streams[words[1]](n) and n not in delivered
                    ]
                    delivered.update(new)
                    said += [event(n) for n in new]
                elif words[0] == "PING":
                    said.append(f"OK PING {there}")
            said += [event(n) for n in log if n > there and any(wants(n) for wants in streams.values())]
            return iter([line.encode() for line in said[: chance.randrange(len(said) + 1)]])

        def close(self) -> None:
            pass

    def connect() -> Any:
        nonlocal there, connections
        connections += 1
        if len(shown) == len(expected) or connections > 2000:
            raise KeyboardInterrupt
        there = max(there, *shown, chance.randrange(41)) if shown else there
        return Cut()

    expected = [n for n in log if n % 2 == 0 or n % 3 == 0]
    reader = Tail(
        streams=tuple(streams),
        server="a.example:7000",
        connect=connect,
        show=lambda each, line: shown.append(int(each.cursor or 0)),
        say=lambda text: None,
        cursor=0,
        sleep=lambda seconds: None,
    )
    with pytest.raises(KeyboardInterrupt):
        reader.run()
    assert sorted(shown) == expected
