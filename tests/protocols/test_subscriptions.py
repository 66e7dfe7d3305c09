"""What a connection of the push port is subscribed to, and what somebody who is logged in may do besides."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.events import Kind, NotificationKind
from microblog.domain.visibility import Visibility
from microblog.mastodon import entities
from tests.protocols.fakes import BOB, CAROL, Client, Port, about, notified, post, texts


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

    def test_post_that_cannot_be_rendered_is_left_out_of_last_and_of_the_stream(
        self, port: Port, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = entities.status

        def status(given: Any, *rest: Any, **more: Any) -> Any:
            if "bad" in given.text:
                raise KeyError("a word of a newer process")
            return real(given, *rest, **more)

        monkeypatch.setattr(entities, "status", status)
        port.microblog.add(post(7, "bad"), post(8, "eight"))
        client.ask("FORMAT json")
        assert len(client.ask("SUBSCRIBE public LAST 3")) == 2
        port.publish(post(9, "bad nine"), post(10, "ten"))
        assert ["ten" in line for line in client.heard()] == [True]

    def test_a_cursor_out_of_reach_with_last_begins_with_the_newest(self, port: Port, client: Client) -> None:
        port.publish(post(7), post(8), post(9))
        port.microblog.add(post(8, "eight"), post(9, "nine"))
        port.microblog.dispatcher.oldest = 3
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

    @pytest.mark.parametrize(
        ("typed", "sent"),
        [
            ("Hello back", "@alice Hello back"),
            ("Hello back, @Alice", "Hello back, @Alice"),
            ("look at @alice9", "@alice look at @alice9"),
            ("write to me@alice.example", "@alice write to me@alice.example"),
            ("https://site.example/@alice/7", "@alice https://site.example/@alice/7"),
            ("@alice_x says so", "@alice @alice_x says so"),
            ("@alice@elsewhere.example", "@alice @alice@elsewhere.example"),
        ],
    )
    def test_reply_mentions_the_author(self, port: Port, client: Client, typed: str, sent: str) -> None:
        port.microblog.add(post(7, "Hello", visibility=Visibility.UNLISTED))
        client.send("AUTH bob-token", "UNSUBSCRIBE")
        (answer,) = client.ask(f"REPLY 7 {typed}")
        assert answer.startswith("OK REPLY 1001 ")
        draft = port.microblog.drafts[0]
        # Without a choice of its own, the service decides how visible the reply is.
        assert (draft.reply_to_id, draft.visibility, draft.text) == (7, None, sent)

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
