"""A connection of the push port, from the outside: what is said and what is heard."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from microblog.domain.errors import Unavailable
from microblog.domain.events import Kind, NotificationKind
from microblog.domain.visibility import Visibility
from tests.protocols.fakes import ALICE, BOB, CAROL, Client, Port, about, notified, post, texts


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def client(port: Port) -> Client:
    return port.connect()


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
            ("FORMAT xml", "ERR invalid Say FORMAT text|json."),
            ("SUBSCRIBE public", "OK SUBSCRIBE public CURSOR 0"),
            ("SUBSCRIBE user:@Bob", "OK SUBSCRIBE user:bob CURSOR 0"),
            ("SUBSCRIBE tag:#First", "OK SUBSCRIBE tag:first CURSOR 0"),
            ("SUBSCRIBE user:nobody", "ERR not-found "),
            ("SUBSCRIBE thread:9", "ERR not-found "),
            ("SUBSCRIBE tag:12", "ERR invalid "),
            ("SUBSCRIBE home", "ERR unauthenticated Log in first: AUTH <token>."),
            ("SUBSCRIBE", "ERR invalid Say SUBSCRIBE <stream> [SINCE <cursor>] [LAST <n>]."),
            ("SUBSCRIBE public LAST 101", "ERR invalid LAST takes a number from 1 to 100."),
            ("SUBSCRIBE public SINCE 99", "ERR gone "),
            ("UNSUBSCRIBE", "OK UNSUBSCRIBE ALL"),
            ("UNSUBSCRIBE tag:x", "ERR not-found There is no subscription to tag:x. LIST names all."),
            ("AUTH wrong", "ERR unauthenticated There is no such token"),
            ("AUTH writer-token", "ERR forbidden This token lacks the scope read."),
            ("AUTH alice-token", "OK AUTH @alice read write"),
            ("AUTH", "ERR invalid Say AUTH <token>."),
            ("POST hello", "ERR unauthenticated Log in first: AUTH <token>."),
            ("HELP nonsense", "ERR invalid There is no such command."),
            ("HELP post", "OK HELP POST <text> - "),
            ("HELP", "OK HELP HELP AUTH SUBSCRIBE UNSUBSCRIBE LIST FORMAT POST REPLY PING QUIT - "),
            ("FLY", "ERR unknown-command There is no command FLY. Say HELP."),
        ],
    )
    def test_each_gets_one_answer(self, client: Client, said: str, heard: str) -> None:
        (answer,) = client.ask(said)
        assert answer.startswith(heard)

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
        from twisted.logger import globalLogPublisher

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

    def test_a_browser_that_was_sent_here(self, client: Client) -> None:
        client.heard()
        client.send("POST /x HTTP/1.1", "Host: localhost:7000", "", "AUTH alice-token", "POST forged")
        (error,) = client.heard()
        assert error == "ERR http This is no web server; the website is at https://site.example"
        assert client.closing

    def test_an_answer_does_not_carry_what_was_said_to_a_terminal(self, client: Client) -> None:
        (answer,) = client.ask("\x1b[31mFLY\u202e\x07 now")
        assert answer == "ERR unknown-command There is no command [31mFLY. Say HELP."


class TestSubscriptions:
    def test_the_first_one_takes_the_place_of_public(self, port: Port, client: Client) -> None:
        client.send("SUBSCRIBE tag:cats")
        client.heard()
        port.publish(post(7, "no"), post(8, "yes #cats"))
        assert texts(client.heard()) == ["@alice: yes #cats"]

    def test_one_that_fails_does_not(self, port: Port, client: Client) -> None:
        client.send("SUBSCRIBE user:nobody")
        client.heard()
        port.publish(post(7, "still here"))
        assert texts(client.heard()) == ["@alice: still here"]

    def test_an_event_on_several_comes_once(self, port: Port, client: Client) -> None:
        client.send("SUBSCRIBE public", "SUBSCRIBE tag:cats", "SUBSCRIBE user:alice")
        client.heard()
        port.publish(post(7, "#cats"))
        assert len(client.heard()) == 1

    def test_since_replays_what_was_missed_and_goes_on(self, port: Port, client: Client) -> None:
        port.publish(post(7, "one"), post(8, "two"), post(9, "three"))
        answer, *events = client.ask("SUBSCRIBE public SINCE 1")
        assert answer == "OK SUBSCRIBE public CURSOR 1"
        assert texts(events) == ["@alice: two", "@alice: three"]
        port.publish(post(10, "four"))
        assert texts(client.heard()) == ["@alice: four"]

    def test_last_prints_the_newest_oldest_first(self, port: Port, client: Client) -> None:
        port.microblog.add(*(post(n, f"number {n}") for n in range(7, 20)))
        answer, *events = client.ask("SUBSCRIBE public LAST 3")
        assert answer == "OK SUBSCRIBE public CURSOR 0"
        assert texts(events) == ["@alice: number 17", "@alice: number 18", "@alice: number 19"]

    def test_last_pages_when_it_has_to(self, port: Port, client: Client) -> None:
        port.microblog.add(*(post(n, f"number {n}") for n in range(1, 101)))
        _, *events = client.ask("SUBSCRIBE public LAST 100")
        assert texts(events) == [f"@alice: number {n}" for n in range(1, 101)]

    def test_what_last_printed_is_not_said_again(self, port: Port, client: Client) -> None:
        """A post that the timeline had already, and whose event comes afterwards."""
        early = post(7, "early")
        port.microblog.add(early)
        client.ask("SUBSCRIBE public LAST 3")
        port.publish(early, post(8, "late"))
        assert texts(client.heard()) == ["@alice: late"]
        port.publish(about(Kind.EDIT, early))
        assert texts(client.heard()) == ["@alice edited: early"]

    def test_a_cursor_out_of_reach_with_last_begins_with_the_newest(self, port: Port, client: Client) -> None:
        port.publish(post(7), post(8), post(9))
        port.microblog.add(post(8, "eight"), post(9, "nine"))
        port.microblog.notifier.oldest = 3
        answer, *events = client.ask("SUBSCRIBE public SINCE 1 LAST 2")
        assert answer == "OK SUBSCRIBE public CURSOR 3 GAP"
        assert texts(events) == ["@alice: eight", "@alice: nine"]

    def test_of_a_thread_by_any_of_its_posts(self, port: Port, client: Client) -> None:
        port.microblog.add(post(7, "first"), post(8, "second", BOB, thread_id=7))
        answer, *events = client.ask("SUBSCRIBE thread:8 LAST 5")
        assert answer == "OK SUBSCRIBE thread:7 CURSOR 0"
        assert texts(events) == ["@alice: first", "@bob: second"]

    def test_have_a_limit_that_is_named(self, client: Client) -> None:
        for number in range(100):
            client.port.pass_time(1)
            client.send(f"SUBSCRIBE tag:t{number}")
        client.port.pass_time(5)
        (answer,) = client.ask("SUBSCRIBE tag:more")
        assert answer.startswith("ERR rate-limited At most 100 subscriptions on a connection.")

    def test_list_names_them(self, client: Client) -> None:
        client.send("SUBSCRIBE tag:cats", "SUBSCRIBE user:bob", "UNSUBSCRIBE tag:cats", "FORMAT json")
        assert client.ask("LIST") == ["OK LIST json 0 user:bob"]

    def test_unsubscribe_ends_them(self, port: Port, client: Client) -> None:
        client.send("SUBSCRIBE public", "UNSUBSCRIBE")
        client.heard()
        port.publish(post(7))
        assert client.heard() == []


class TestWhoIsLoggedIn:
    def test_reads_what_is_theirs(self, port: Port, client: Client) -> None:
        client.send("AUTH bob-token", "SUBSCRIBE mentions", "SUBSCRIBE direct", "SUBSCRIBE notifications")
        client.heard()
        port.publish(
            post(7, "Hello @bob", visibility=Visibility.DIRECT),
            post(8, "Hello @carol", visibility=Visibility.DIRECT),
            notified(5, NotificationKind.FOLLOW, CAROL),
        )
        assert client.heard() == ["12:00 @alice (direct): Hello @bob [7]", "12:00 @carol follows you"]

    def test_keeps_reading_what_was_subscribed_before(self, port: Port, client: Client) -> None:
        client.send("AUTH bob-token")
        client.heard()
        port.publish(post(7))
        assert len(client.heard()) == 1

    def test_posts(self, port: Port, client: Client) -> None:
        client.send("AUTH alice-token", "UNSUBSCRIBE")
        assert client.ask("POST Hello  @bob #first") == ["OK POST 1000 https://site.example/@alice/1000"]
        assert port.microblog.drafts[0].text == "Hello  @bob #first"

    def test_hears_why_a_post_was_not_taken(self, client: Client) -> None:
        client.send("AUTH alice-token")
        assert client.ask("POST too long") == ["ERR invalid A post has at most 500 characters."]

    def test_replies_no_wider_than_what_is_answered(self, port: Port, client: Client) -> None:
        port.microblog.add(post(7, "Hello", visibility=Visibility.UNLISTED))
        client.send("AUTH bob-token")
        (answer,) = client.ask("REPLY 7 Hello back")
        assert answer.startswith("OK REPLY 1001 ")
        draft = port.microblog.drafts[0]
        assert (draft.reply_to_id, draft.visibility, draft.text) == (7, Visibility.UNLISTED, "Hello back")

    def test_replies_to_a_boost_go_to_what_was_boosted(self, port: Port, client: Client) -> None:
        port.microblog.add(post(8, "", CAROL, boost_of=post(7, "Hello")))
        client.send("AUTH bob-token", "REPLY 8 Hello back")
        assert port.microblog.drafts[0].reply_to_id == 7

    def test_needs_the_scope_for_posting(self, client: Client) -> None:
        client.send("AUTH reader-token")
        assert client.ask("POST hello") == ["ERR forbidden This needs a token with the scope write."]

    def test_stays_who_they_are(self, client: Client) -> None:
        client.send("AUTH bob-token")
        (answer,) = client.ask("AUTH alice-token")
        assert answer.startswith("ERR conflict This connection is logged in as @bob.")

    def test_is_told_when_that_ends(self, client: Client) -> None:
        client.send("AUTH bob-token")
        client.heard()
        client.connection.end("revoked")
        assert client.heard() == ["BYE revoked 0"]
        assert client.closing


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


class TestLimits:
    def test_of_commands_a_second_are_named_and_cool_down(self, port: Port, client: Client) -> None:
        answers = client.ask(*["PING"] * 100)
        assert answers[:40] == ["OK PING 0"] * 40
        assert answers[40:] == [
            "ERR rate-limited At most 20 commands a second on a connection. Try again in 1 s."
        ]
        assert client.transport.producerState == "paused"
        port.pass_time(1)
        assert client.heard()[:20] == ["OK PING 0"] * 20
        port.pass_time(10)
        client.heard()
        assert client.transport.producerState == "producing"
        assert client.ask("PING") == ["OK PING 0"]

    def test_empty_lines_count(self, client: Client) -> None:
        client.heard()
        client.send_bytes(b"\n" * 60_000)
        assert len(client.heard()) == 1

    def test_can_be_switched_off(self) -> None:
        client = Port(rate_limits="off").connect()
        assert len(client.ask(*["PING"] * 500)) == 500

    def test_of_log_ins_are_for_the_address(self, port: Port) -> None:
        for _ in range(20):
            port.connect().send("AUTH wrong")
        (answer,) = port.connect().ask("AUTH alice-token")
        assert answer.startswith("ERR rate-limited At most 20 log-ins a minute from one address.")
        assert port.connect("192.0.2.9").ask("AUTH alice-token") == ["OK AUTH @alice read write"]

    def test_of_posts_are_for_the_account(self, port: Port) -> None:
        for number in range(30):
            port.connect().send("AUTH alice-token", f"POST number {number}")
            port.pass_time(4)
        client = port.connect()
        client.send("AUTH alice-token")
        port.microblog.drafts.clear()
        answers = client.ask(*[f"POST more {number}" for number in range(30)])
        refused = [
            answer for answer in answers if answer.startswith("ERR rate-limited At most 30 posts in five")
        ]
        assert len(refused) + len(port.microblog.drafts) == 30
        assert refused

    def test_of_connections_are_for_the_address(self) -> None:
        port = Port(push_connections_per_host=2)
        first, _second, third = port.connect(), port.connect(), port.connect()
        assert third.heard() == [
            "ERR too-many-connections At most 2 connections from one address. Close one first."
        ]
        assert third.closing
        assert not port.connect("192.0.2.9").closing
        first.hang_up()
        assert not port.connect().closing

    def test_of_connections_count_an_ipv6_network_as_one(self) -> None:
        port = Port(push_connections_per_host=1)
        port.connect("2001:db8::1")
        assert port.connect("2001:db8::2").closing
        assert not port.connect("2001:db8:0:1::1").closing


class TestSlowReaders:
    def port(self) -> Port:
        return Port(push_buffer=4096, rate_limits="off")

    def test_get_a_gap_and_then_everything(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        for number in range(1, 301):
            port.publish(post(number, f"number {number}"))
        assert port.factory.gaps == 1
        client.transport.go_on()
        lines = client.heard()
        (gap,) = [line for line in lines if line.startswith("GAP ")]
        lines.remove(gap)
        assert texts(lines) == [f"@alice: number {number}" for number in range(1, 301)]
        assert int(gap.split()[1]) < 300
        port.publish(post(301, "and on"))
        assert texts(client.heard()) == ["@alice: and on"]

    def test_cost_bounded_memory(self) -> None:
        port = self.port()
        client = port.connect()
        client.transport.stopped = True
        for number in range(1, 3001):
            port.publish(post(number, "x" * 400))
        assert len(client.transport.value()) + client.connection._out.backlog < 3 * 4096

    def test_that_stall_while_they_catch_up_catch_up_again(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        for number in range(1, 501):
            port.publish(post(number, f"number {number}"))
        lines: list[str] = []
        for _ in range(100):
            client.transport.go_on()
            client.transport.stopped = True
            lines += client.heard()
        assert texts(line for line in lines if not line.startswith("GAP")) == [
            f"@alice: number {number}" for number in range(1, 501)
        ]

    def test_that_take_nothing_for_a_minute_are_cut_off(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        for number in range(1, 301):
            port.publish(post(number))
        port.pass_time(100)
        assert client.heard()[-1].startswith("BYE slow ")
        assert client.transport.aborted
        assert port.factory.cut == 1

    def test_that_ask_and_do_not_read_are_cut_off(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        client.send(*["HELP"] * 500)
        assert client.heard()[-1] == "BYE slow 0"
        assert client.closing

    def test_whose_past_is_gone_are_told(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        for number in range(1, 301):
            port.publish(post(number))
        port.microblog.notifier.oldest = 290
        client.transport.go_on()
        assert client.heard()[-1].startswith("BYE gone ")
        assert client.closing

    def test_get_a_long_replay_in_pieces_behind_its_answer(self) -> None:
        port = self.port()
        for number in range(1, 1001):
            port.publish(post(number, f"number {number}"))
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        client.send("SUBSCRIBE public SINCE 0")
        lines: list[str] = []
        for _ in range(200):
            client.transport.go_on()
            client.transport.stopped = True
            lines += client.heard()
        assert lines[0] == "OK SUBSCRIBE public CURSOR 0"
        assert texts(line for line in lines[1:] if not line.startswith("GAP")) == [
            f"@alice: number {number}" for number in range(1, 1001)
        ]


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
        from twisted.internet.defer import Deferred

        Deferred.fromCoroutine(port.factory.drain()).addCallback(ended.append)
        assert client.heard() == ["BYE restart 1"]
        assert client.closing
        assert not ended
        client.hang_up()
        assert ended == [None]
        from twisted.internet.address import IPv4Address

        assert port.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)) is None

    def test_of_the_server_waits_for_the_answer_to_a_post(self, port: Port, client: Client) -> None:
        from twisted.internet.defer import Deferred

        held: Deferred[None] = Deferred()
        publish = port.microblog.posts.publish

        async def slow(*arguments: object) -> object:
            await held
            return await publish(*arguments)

        port.microblog.posts.publish = slow
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
        from twisted.internet.defer import Deferred

        held: Deferred[None] = Deferred()
        publish = port.microblog.posts.publish

        async def slow(*arguments: object) -> object:
            await held
            return await publish(*arguments)

        port.microblog.posts.publish = slow
        client.send("AUTH alice-token", "POST hello")
        client.hang_up()
        held.callback(None)
        assert [draft.text for draft in port.microblog.drafts] == ["hello"]
        assert len(port.factory) == 0
        assert not port.microblog.notifier.all

    def test_leaves_no_timer_behind(self, port: Port, client: Client) -> None:
        client.send(*["PING"] * 100)
        client.hang_up()
        port.factory.doStop()
        assert port.clock.getDelayedCalls() == []

    def test_comes_when_the_database_went_away_in_the_middle(self, port: Port, client: Client) -> None:
        async def away(*arguments: object) -> None:
            raise Unavailable

        port.publish(post(7))
        port.microblog.notifier.read = away
        error, bye = client.ask("SUBSCRIBE public SINCE 0")
        assert error.startswith("ERR unavailable ")
        assert bye == "BYE unavailable 0"


def test_an_event_that_cannot_be_shown_is_left_out(port: Port, client: Client) -> None:
    client.heard()
    broken = replace(about(Kind.POST, post(7)), post=replace(post(7), created_at=None))  # type: ignore[arg-type]
    port.publish(broken, post(8, "fine", ALICE))
    assert texts(client.heard()) == ["@alice: fine"]
