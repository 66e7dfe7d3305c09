"""The grammar of what clients say."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.errors import InvalidInput
from microblog.protocols import commands
from microblog.protocols.commands import (
    Auth,
    Command,
    Format,
    Help,
    List,
    Ping,
    Post,
    Quit,
    Reply,
    StreamName,
    Subscribe,
    Undecodable,
    UnknownCommand,
    Unsubscribe,
    parse,
)

IDS = st.integers(0, 2**63 - 1)
VISIBLE = st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp"))
WORDS = st.text(VISIBLE, min_size=1, max_size=30)
TEXTS = (
    st.text(st.one_of(VISIBLE, st.sampled_from(" \t")), min_size=1, max_size=200)
    .map(lambda text: text.strip(" \t"))
    .filter(bool)
)
STREAMS = st.one_of(
    st.sampled_from([*commands.OPEN_STREAMS, *commands.PERSONAL_STREAMS]).map(StreamName),
    WORDS.filter(lambda word: not word.startswith("@")).map(lambda word: StreamName("user", word)),
    WORDS.filter(lambda word: not word.startswith("#")).map(lambda word: StreamName("tag", word)),
    IDS.map(lambda number: StreamName("thread", str(number))),
)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(Help, st.none() | st.sampled_from([each.name for each in commands.COMMANDS])),
    st.builds(Auth, WORDS),
    st.builds(Subscribe, STREAMS, st.none() | IDS, st.none() | st.integers(1, 100)),
    st.builds(Unsubscribe, st.none() | STREAMS),
    st.sampled_from([List(), Ping(), Quit()]),
    st.builds(Format, st.sampled_from(commands.FORMATS)),
    st.builds(Post, TEXTS),
    st.builds(Reply, IDS, TEXTS),
)


@given(COMMANDS)
def test_reading_is_the_inverse_of_writing(command: Command) -> None:
    assert parse(command.to_line().encode()) == command
    assert parse(command.to_line().encode() + b"\r") == command


@given(COMMANDS)
def test_case_and_blanks_of_the_first_word_do_not_matter(command: Command) -> None:
    word, _, rest = command.to_line().partition(" ")
    assert parse(f" \t{word.lower()}\t {rest} ".encode()) == command


@given(st.binary(max_size=300).filter(lambda line: b"\n" not in line))
def test_any_bytes_are_a_command_or_an_error_that_is_safe_to_show(line: bytes) -> None:
    try:
        command = parse(line)
    except InvalidInput as error:
        shown = error.text
    else:
        shown = "fine"
        assert command is None or type(command) in commands.COMMANDS
    assert not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in shown)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"", None),
        (b"  \r", None),
        (b"subscribe PUBLIC since 12 last 5", Subscribe(StreamName("public"), 12, 5)),
        (b"SUBSCRIBE public LAST 5 SINCE 12", Subscribe(StreamName("public"), 12, 5)),
        (b"SUBSCRIBE tag:#First", Subscribe(StreamName("tag", "First"))),
        ("SUBSCRIBE tag:日本".encode(), Subscribe(StreamName("tag", "日本"))),
        (b"SUBSCRIBE user:@bob@example.org", Subscribe(StreamName("user", "bob@example.org"))),
        (b"POST  two  blanks inside", Post("two  blanks inside")),
        (b"REPLY 12   Hello there", Reply(12, "Hello there")),
        (b"HELP subscribe", Help("SUBSCRIBE")),
    ],
)
def test_lines_that_are_understood(line: bytes, command: Command | None) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"SUBSCRIBE public SINCE",
        b"SUBSCRIBE public SINCE -1",
        b"SUBSCRIBE public SINCE 1 SINCE 2",
        b"SUBSCRIBE public SINCE 9223372036854775808",
        "SUBSCRIBE public SINCE ١٢".encode(),
        b"SUBSCRIBE public LAST 0",
        b"SUBSCRIBE public LAST 101",
        b"SUBSCRIBE public UNTIL 5",
        b"SUBSCRIBE user:",
        b"SUBSCRIBE tag:#",
        b"SUBSCRIBE thread:x",
        b"SUBSCRIBE user",
        b"SUBSCRIBE public:x",
        b"SUBSCRIBE everything",
        b"UNSUBSCRIBE public local",
        b"AUTH",
        b"AUTH two words",
        b"PING 5",
        b"LIST all",
        b"QUIT now",
        b"POST",
        b"POST   ",
        b"REPLY 5",
        b"REPLY five Hello",
        b"FORMAT",
        b"FORMAT yaml",
    ],
)
def test_lines_whose_arguments_are_wrong(line: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(line)
    assert caught.value.code == "invalid"


def test_what_is_no_command_says_so() -> None:
    with pytest.raises(UnknownCommand, match="There is no command EHLO"):
        parse(b"EHLO example.org")


@pytest.mark.parametrize("line", [b"POST \xff", b"POST \xed\xa0\x80", b"POST a\0b", b"\xc0\xaf"])
def test_what_is_no_text_says_so(line: bytes) -> None:
    with pytest.raises(Undecodable):
        parse(line)


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Auth("secret"))


@pytest.mark.parametrize(
    "method", ["GET", "POST", "post", "HELP", "AUTH", "X", "a!#$%&'*+-.^_`|~z", "M" * 5000]
)
@pytest.mark.parametrize("length", [1, 7_999, 8_000, 8_001, 60_000, 1_000_000])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1\r"])
def test_request_line_is_foreign_whatever_its_length(method: str, length: int, version: str) -> None:
    assert commands.is_foreign(f"{method} {'/' + 'x' * (length - 1)} {version}".encode())


@pytest.mark.parametrize(
    "line",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS ClientHello
        b"\x16\x03\x01",  # one whose length is a line feed
        b"\x00\x01\x00\x00",  # STUN
        b"PRI * HTTP/2.0\r",
    ],
)
def test_other_protocols_are_foreign(line: bytes) -> None:
    assert commands.is_foreign(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\r",
        b"PING",
        b"POST I wrote about HTTP/1.1 today",
        b"REPLY 5 x",
        b"\x1b[A",
        b"\xc3\xa9",
        b"GET / HTTPS",
    ],
)
def test_what_a_person_types_is_not_foreign(line: bytes) -> None:
    assert not commands.is_foreign(line)
