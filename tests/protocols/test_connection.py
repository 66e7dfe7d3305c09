"""A connection of the push port, from the outside: what is said and what is heard."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from microblog.domain.errors import Unavailable
from microblog.domain.events import Kind
from microblog.domain.visibility import Visibility
from microblog.protocols.commands import COMMANDS
from tests.protocols.fakes import ALICE, Client, Port, about, post, texts


class TestWhoConnects:
    def test_is_greeted(self, client: Client) -> None:
        (greeting,) = client.heard()
        assert greeting.startswith("* Microblog: ")
        assert "HELP" in greeting

    def test_reads_the_public_stream_without_a_word(self, port: Port, client: Client) -> None:
        client.heard()
        port.publish(post(7, "Hello @bob #first"))
        assert client.heard() == ["12:00 @alice: Hello @bob #first [7]"]

    def test_does_not_hear_what_is_not_public(self, port: Port, client: Client) -> None:
        client.heard()
        for visibility in (Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.DIRECT):
            port.publish(post(7, visibility=visibility))
        assert client.heard() == []

    def test_gets_one_write_for_all_that_was_committed_at_once(self, port: Port, client: Client) -> None:
        writes: list[bytes] = []
        write = client.transport.write
        client.transport.write = lambda data: (writes.append(data), write(data))[1]
        port.publish(post(7, "one"), post(8, "two"), post(9, "three"))
        assert len(writes) == 1
        assert writes[0].count(b"\r\n") == 3


class TestCommands:
    @pytest.mark.parametrize(
        ("said", "heard"),
        [
            ("PING", "OK PING 0"),
            ("ping", "OK PING 0"),
            ("  PING\t ", "OK PING 0"),
            ("LIST", "OK LIST text 0 public"),
            ("FORMAT json", "OK FORMAT json"),
            ("FORMAT JSON", "OK FORMAT json"),
            ("FORMAT xml", "ERR invalid The form of this command is: FORMAT text|json"),
            ("SUBSCRIBE public", "OK SUBSCRIBE public CURSOR 0"),
            ("SUBSCRIBE user:@Bob", "OK SUBSCRIBE user:bob CURSOR 0"),
            ("SUBSCRIBE tag:#First", "OK SUBSCRIBE tag:first CURSOR 0"),
            ("SUBSCRIBE user:nobody", "ERR not-found "),
            ("SUBSCRIBE thread:9", "ERR not-found "),
            ("SUBSCRIBE tag:12", "ERR invalid "),
            ("SUBSCRIBE home", "ERR unauthenticated Log in first: AUTH <token>."),
            (
                "SUBSCRIBE",
                "ERR invalid The form of this command is: SUBSCRIBE <stream> [SINCE <cursor>] [LAST <n>]",
            ),
            ("SUBSCRIBE public LAST 101", "ERR invalid LAST takes a number from 1 to 100."),
            ("SUBSCRIBE public SINCE 99", "ERR gone "),
            ("UNSUBSCRIBE", "OK UNSUBSCRIBE ALL"),
            ("UNSUBSCRIBE tag:x", "ERR not-found There is no subscription to tag:x. LIST names all."),
            ("AUTH wrong", "ERR unauthenticated This token is not valid or was revoked."),
            ("AUTH writer-token", "ERR forbidden This token lacks the scope read."),
            ("AUTH alice-token", "OK AUTH @alice read write"),
            ("AUTH", "ERR invalid The form of this command is: AUTH <token>"),
            ("POST hello", "ERR unauthenticated Log in first: AUTH <token>."),
            ("HELP nonsense", "ERR invalid There is no command NONSENSE. HELP lists the commands."),
            ("HELP post", "OK HELP POST <text> - "),
            ("SUBSCRIBE user:nobody", "ERR not-found There is no account @nobody."),
            ("SUBSCRIBE thread:9", "ERR not-found There is no post 9, or you may not see it."),
            ("REPLY 9 hello", "ERR unauthenticated Log in first: AUTH <token>."),
            ("FLY", "ERR unknown-command There is no command FLY. HELP lists the commands."),
        ],
    )
    def test_each_gets_one_answer(self, client: Client, said: str, heard: str) -> None:
        (answer,) = client.ask(said)
        assert answer.startswith(heard)

    @pytest.mark.parametrize("said", ["HELP", "help", "?"])
    def test_help_lists_every_command_on_a_line_of_its_own(self, client: Client, said: str) -> None:
        *remarks, last = client.ask(said)
        assert last == "OK HELP"
        assert [remark.split()[1] for remark in remarks[:-1]] == [each.name for each in COMMANDS]
        assert all(remark.startswith("* ") for remark in remarks)
        assert all(" - " in remark for remark in remarks[:-1]), "the form stands apart from its purpose"
        assert "bytes" in remarks[-1]

    def test_what_is_not_found_is_named_in_the_answer(self, client: Client) -> None:
        client.ask("AUTH alice-token")
        for said, named in (
            ("SUBSCRIBE user:nobody", "@nobody"),
            ("SUBSCRIBE thread:123", "post 123"),
            ("UNSUBSCRIBE user:nobody", "@nobody"),
            ("REPLY 125 hello", "post 125"),
        ):
            (answer,) = client.ask(said)
            assert answer.startswith("ERR not-found ")
            assert named in answer, said

    def test_are_answered_in_their_order(self, client: Client) -> None:
        answers = client.ask("PING", "FLY", "LIST", "", "FORMAT json", "QUIT")
        assert [answer.split()[1] for answer in answers] == [
            "PING",
            "unknown-command",
            "LIST",
            "FORMAT",
            "QUIT",
        ]
        assert client.closing

    def test_nothing_is_done_after_quit(self, port: Port, client: Client) -> None:
        assert client.ask("QUIT", "PING") == ["OK QUIT 0"]
        port.publish(post(7))
        assert client.heard() == []

    def test_a_command_that_breaks_is_answered_and_logged(self, port: Port, client: Client) -> None:
        async def broken(name: str) -> None:
            raise RuntimeError("secret detail")

        logged: list[object] = []
        port.microblog.accounts.by_name = broken
        globalLogPublisher.addObserver(logged.append)
        try:
            answer, pong = client.ask("SUBSCRIBE user:bob", "PING")
        finally:
            globalLogPublisher.removeObserver(logged.append)
        assert answer.startswith("ERR internal ")
        assert "secret" not in answer
        assert pong == "OK PING 0"
        assert logged


class TestBadInput:
    def test_invalid_utf8(self, client: Client) -> None:
        client.heard()
        client.send_bytes(b"POST \xff\xfe\nPING\n")
        error, pong = client.heard()
        assert error.startswith("ERR encoding Byte 6 ")
        assert pong == "OK PING 0"

    def test_a_nul(self, client: Client) -> None:
        client.heard()
        client.send_bytes(b"PI\0NG\n")
        assert client.heard()[0].startswith("ERR encoding ")

    def test_a_line_that_never_ends(self, port: Port, client: Client) -> None:
        client.heard()
        client.send_bytes(b"x" * (port.factory.max_line + 10))
        (error,) = client.heard()
        assert error == f"ERR too-large A line is at most {port.factory.max_line} bytes."
        assert client.closing

    def test_the_longest_post_fits(self, port: Port, client: Client) -> None:
        client.send("AUTH alice-token")
        answer = client.ask("POST " + "👩‍👩‍👧‍👦" * 500)[-1]
        assert answer.startswith("OK POST ")

    @pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS", "PUT", "HELP", "SUBSCRIBE"])
    @pytest.mark.parametrize("length", [2, 7_999, 8_001, 15_000, 1_000_000])
    @pytest.mark.parametrize("before", [b"", b"\r\n", b"\n\n"])
    def test_request_of_a_browser_executes_nothing(
        self, port: Port, client: Client, method: str, length: int, before: bytes
    ) -> None:
        client.heard()
        head = f"{method} /{'x' * (length - 1)} HTTP/1.1\r\nHost: localhost:7000\r\n\r\n".encode()
        client.send_bytes(before + head + b"AUTH alice-token\nPOST forged\n")
        (error,) = client.heard()
        if length + 30 < port.factory.max_line:
            assert error == "ERR http This is no web server; the website is at https://site.example"
        assert client.closing
        client.send_bytes(b"AUTH alice-token\nPOST forged\n")
        assert client.heard() == []

    @pytest.mark.parametrize("hello", [b"\x16\x03\x01\x02\x00\x01\x00", b"\x16\x03\x01\n\x00", b"\x00\x01\n"])
    def test_tls_handshake_executes_nothing(self, client: Client, hello: bytes) -> None:
        """The server's name and the session's ticket in it are chosen by a web page."""
        client.heard()
        client.send_bytes(hello + b"\nAUTH alice-token\nPOST forged\n")
        (error,) = client.heard()
        assert error.startswith("ERR http ")
        assert client.closing

    def test_answer_carries_no_control_characters_of_the_command(self, client: Client) -> None:
        (answer,) = client.ask("\x1b[31mFLY\u202e\x07 now")
        assert answer == "ERR unknown-command There is no command [31mFLY. HELP lists the commands."


class TestJson:
    def test_is_one_object_a_line_with_its_cursor(self, port: Port, client: Client) -> None:
        client.send("FORMAT json")
        client.heard()
        port.publish(post(7, "Hello @bob #first"))
        (line,) = client.heard()
        event = json.loads(line)
        assert event["event"] == "post"
        assert event["cursor"] == "1"
        assert event["status"]["id"] == "7"
        assert event["status"]["account"]["acct"] == "alice"
        assert event["status"]["tags"] == [{"name": "first", "url": "https://site.example/tags/first"}]

    def test_of_a_deletion_has_the_id(self, port: Port, client: Client) -> None:
        client.send("FORMAT json")
        client.heard()
        port.publish(about(Kind.DELETE, post(7)))
        assert json.loads(client.heard()[0]) == {
            "event": "delete",
            "at": "2026-03-04T12:00:00.000Z",
            "cursor": "1",
            "id": "7",
        }

    def test_of_last_has_no_cursor(self, port: Port, client: Client) -> None:
        port.microblog.add(post(7))
        _, _, line = client.ask("FORMAT json", "SUBSCRIBE public LAST 1")
        assert "cursor" not in json.loads(line)


class TestHeartbeat:
    def test_programs_hear_a_ping_when_nothing_else_comes(self, port: Port, client: Client) -> None:
        client.send("FORMAT json")
        client.heard()
        port.pass_time(30)
        assert "PING 0" in client.heard()
        port.pass_time(60)
        assert client.heard() == ["PING 0"] * 4

    def test_people_do_not(self, port: Port, client: Client) -> None:
        client.heard()
        port.pass_time(600)
        assert client.heard() == []

    def test_goes_on_after_one_connection_fails(self, port: Port, client: Client) -> None:
        client.send("FORMAT json")
        client.heard()
        other = port.connect()
        other.connection.tick = lambda: 1 / 0
        port.pass_time(60)
        assert client.heard()


class TestTheEnd:
    def test_of_the_server_is_announced_with_the_cursor(self, port: Port, client: Client) -> None:
        port.publish(post(7))
        client.heard()
        ended: list[object] = []
        Deferred.fromCoroutine(port.factory.drain()).addCallback(ended.append)
        assert client.heard() == ["BYE restart 1"]
        assert client.closing
        assert not ended
        client.hang_up()
        assert ended == [None]
        assert port.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)) is None

    def test_of_the_server_waits_for_the_answer_to_a_post(self, port: Port, client: Client) -> None:
        held = port.microblog.hold_posts()
        client.send("AUTH alice-token", "UNSUBSCRIBE", "POST hello", "PING")
        client.heard()
        client.connection.end("closing")
        assert client.heard() == []
        held.callback(None)
        assert client.heard() == ["OK POST 1000 https://site.example/@alice/1000", "BYE restart 1"]

    def test_of_input_lets_what_was_said_be_answered(self, client: Client) -> None:
        client.heard()
        client.send("AUTH alice-token", "UNSUBSCRIBE", "POST hello")
        client.connection.readConnectionLost()
        assert client.heard()[-1].startswith("OK POST ")
        assert client.closing

    def test_of_a_connection_does_not_undo_a_post(self, port: Port, client: Client) -> None:
        held = port.microblog.hold_posts()
        client.send("AUTH alice-token", "POST hello")
        client.hang_up()
        held.callback(None)
        assert [draft.text for draft in port.microblog.drafts] == ["hello"]
        assert len(port.factory) == 0
        assert not port.microblog.dispatcher.all

    def test_leaves_no_timer_behind(self, port: Port, client: Client) -> None:
        client.send(*["PING"] * 100)
        client.hang_up()
        port.factory.doStop()
        assert port.clock.getDelayedCalls() == []

    def test_comes_when_the_database_went_away_in_the_middle(self, port: Port, client: Client) -> None:
        async def away(*arguments: object) -> None:
            raise Unavailable

        port.publish(post(7))
        port.microblog.dispatcher.read = away
        answer, bye = client.ask("SUBSCRIBE public SINCE 0")
        assert answer == "OK SUBSCRIBE public CURSOR 0"
        assert bye == "BYE unavailable 0"


def test_event_that_cannot_be_rendered_is_left_out(port: Port, client: Client) -> None:
    client.heard()
    broken = replace(about(Kind.POST, post(7)), post=replace(post(7), created_at=None))  # type: ignore[arg-type]
    port.publish(broken, post(8, "fine", ALICE))
    assert texts(client.heard()) == ["@alice: fine"]
