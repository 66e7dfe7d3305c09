"""What the server says, and that nobody else can make it say more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.events import Kind, NotificationKind
from microblog.protocols import replies
from microblog.protocols.rendering import Rendering
from microblog.protocols.replies import Bye, Err, EventLine, Gap, Ok, Ping, Remark, to_bytes
from tests.protocols.fakes import ALICE, BOB, NOON, FakeMicroblog, about, account, notified, post

CONFIG = FakeMicroblog().config
RENDERING = Rendering(CONFIG.public_url, CONFIG.zone, lambda: NOON)
ANY_TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=200)
HOSTILE = "one\r\nBYE slow 1\nERR x\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029{}\x1b[2J\u202eevil\0end"


@pytest.mark.parametrize(
    "line",
    [
        Remark("Microblog: hello"),
        Ok("PING", ("12",)),
        Ok("UNSUBSCRIBE", ("ALL",)),
        Err("not-found", "There is nothing here."),
        Ping(5),
        Gap(6),
        Bye("restart", 7),
        EventLine("12:00 @alice: Hello [7]"),
        EventLine('{"event":"post"}'),
    ],
)
def test_reading_is_the_inverse_of_writing(line: replies.ServerLine) -> None:
    assert replies.parse(to_bytes(line)) == line


@pytest.mark.parametrize("line", [b"", b"HELLO", b"PING x", b"BYE", b"GAP 1 2", b"OK"])
def test_what_no_server_says_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a line"):
        replies.parse(line)


def is_one_line(data: bytes) -> bool:
    return data.endswith(b"\r\n") and len(data.decode().splitlines()) == 1


@given(ANY_TEXT, ANY_TEXT)
def test_no_error_text_makes_a_second_line(code: str, text: str) -> None:
    assert is_one_line(to_bytes(Err("invalid", text + HOSTILE)))
    assert is_one_line(to_bytes(Remark(text + HOSTILE)))
    assert is_one_line(to_bytes(Ok("LIST", (code, text))))


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_post_makes_a_second_line_or_one_of_another_kind(text: str, summary: str, name: str) -> None:
    """Whatever is in the database: here it has not even passed the checks on the way in."""
    from dataclasses import replace

    author = account(9, "mallory", display_name=name + HOSTILE)
    for hostile in (text, text + HOSTILE, HOSTILE + text):
        written = replace(post(7, author=author), text=hostile, html=hostile)
        warned = replace(written, summary=summary + HOSTILE)
        for item in (written, warned, post(8, "", BOB, boost_of=written)):
            for form in ("text", "json"):
                line = RENDERING.of(form)(about(Kind.BOOST if item.boost_of else Kind.POST, item))
                assert is_one_line(line)
                assert isinstance(replies.parse(line), EventLine)
                assert "\x1b" not in line.decode()
                if form == "text":
                    assert "\u202e" not in line.decode()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (about(Kind.POST, post(7, "Hello\n\nworld")), "12:00 @alice: Hello world [7]"),
        (
            about(
                Kind.POST, post(7, "Yes", BOB, reply_to_account_id=1, reply_to_name="alice", reply_to_id=6)
            ),
            "12:00 @bob to @alice: Yes [7]",
        ),
        (
            about(Kind.POST, post(7, "and so on", reply_to_account_id=1, reply_to_name="alice")),
            "12:00 @alice: and so on [7]",
        ),
        (
            about(Kind.BOOST, post(8, "", BOB, boost_of=post(7, "Hello"))),
            "12:00 @bob boosted @alice: Hello [7]",
        ),
        (about(Kind.EDIT, post(7, "Hello!")), "12:00 @alice edited: Hello! [7]"),
        (about(Kind.DELETE, post(7)), "12:00 @alice deleted [7]"),
        (about(Kind.DELETE, post(8, "", BOB, boost_of=post(7))), "12:00 @bob took back a boost [8]"),
        (
            about(Kind.POST, post(7, "He dies", summary="The end")),
            '12:00 @alice: CW "The end" https://site.example/@alice/7 [7]',
        ),
        (notified(5, NotificationKind.FOLLOW, ALICE), "12:00 @alice follows you"),
        (
            notified(5, NotificationKind.FAVOURITE, ALICE, post(7, "Mine", BOB)),
            "12:00 @alice favourited your post: Mine [7]",
        ),
        (about(Kind.POST, post(7, created_at=NOON.replace(day=3))), "2026-03-03 12:00 @alice: Hello [7]"),
        (about(Kind.RELATION, post(7)), ""),
    ],
)
def test_lines_for_people(event: object, line: str) -> None:
    assert RENDERING.of("text")(event).decode().rstrip() == line  # type: ignore[arg-type]


def test_every_kind_of_notification_has_its_words() -> None:
    for kind in NotificationKind:
        assert RENDERING.of("text")(notified(5, kind, ALICE)).startswith(b"12:00 @alice ")
        assert RENDERING.of("json")(notified(5, kind, ALICE)).startswith(b'{"event":"notification"')
