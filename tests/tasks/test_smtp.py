"""Mail over SMTP, against a real server that behaves, and against ones that don't."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, trustRootFromCertificates

from microblog.config.kinds import Smtp
from microblog.tasks.mailers import MailError
from microblog.tasks.smtp import SmtpMailer
from tests.certificates import certificate
from tests.tasks.logs import logged
from tests.tasks.smtp_server import PASSWORD, USER, mail_server, tls_of
from tests.waiting import until


def message(text: str = "Hello\n", to: str = "bob@example.org") -> EmailMessage:
    made = EmailMessage()
    made["Message-ID"] = "<mention.1@localhost>"
    made["From"] = "Site <site@localhost>"
    made["To"] = to
    made["Subject"] = "Grüße"
    made.set_content(text)
    return made


def body(raw: bytes) -> str:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    text: str = parsed.get_content()
    return text.replace("\r\n", "\n")


@pytest.fixture
def mailer(reactor_: Any) -> Callable[..., SmtpMailer]:
    def make(
        port: int,
        trust: Path | None = None,
        host: str = "127.0.0.1",
        *,
        patience: tuple[float, float] = (10.0, 20.0),
        **settings: Any,
    ) -> SmtpMailer:
        roots = None
        if trust is not None:
            roots = trustRootFromCertificates([Certificate.loadPEM(trust.read_bytes())])
        made = SmtpMailer(
            Smtp(host, port, **settings), "Site <site@localhost>", "localhost", reactor_, trust=roots
        )
        made.answer_timeout, made.whole_timeout = patience
        return made

    return make


class MustEncrypt(Smtp):
    """As for a server that is not on loopback."""

    __slots__ = ()

    @property
    def require_tls(self) -> bool:
        return True


# -- a server that behaves ---------------------------------------------------------------------------------------------


async def test_a_mail_arrives_whole(mailer: Callable[..., SmtpMailer]) -> None:
    text = "Hello @bob,\n\n.\n..\n. dots\nGrüße\n" + "x" * 3000 + "\n"
    async with mail_server() as inbox:
        await mailer(inbox.port).send(message(text))
    assert (inbox.recipients, inbox.senders) == (["bob@example.org"], ["site@localhost"])
    assert body(inbox.mails[0]) == text
    assert b"\r\r\n" not in inbox.mails[0]


async def test_a_dot_at_the_start_of_a_chunk_does_not_end_the_mail(mailer: Callable[..., SmtpMailer]) -> None:
    lines = ["." for _ in range(30_000)]
    async with mail_server() as inbox:
        for shift in range(4):
            await mailer(inbox.port).send(message("y" * shift + "\n" + "\n".join(lines) + "\n"))
    for shift, raw in enumerate(inbox.mails):
        assert body(raw) == "y" * shift + "\n" + "\n".join(lines) + "\n"
    assert len(inbox.mails) == 4


async def test_tls_is_used_where_it_is_offered(mailer: Callable[..., SmtpMailer], tmp_path: Path) -> None:
    async with mail_server(tls=tls_of(certificate(tmp_path))) as inbox:
        await mailer(inbox.port).send(message())
    assert inbox.secured == [True]


async def test_logging_in_over_starttls_with_a_checked_certificate(reactor_: Any, tmp_path: Path) -> None:
    trusted = certificate(tmp_path)
    roots = trustRootFromCertificates([Certificate.loadPEM(trusted.read_bytes())])
    async with mail_server(tls=tls_of(trusted), login=True) as inbox:
        server = MustEncrypt("localhost", inbox.port, USER, PASSWORD)
        await SmtpMailer(server, "site@localhost", "localhost", reactor_, trust=roots).send(message())
    assert (inbox.secured, inbox.logged_in) == ([True], [True])


@pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS"
)  # it sees no TLS that was there first
async def test_logging_in_over_implicit_tls(mailer: Callable[..., SmtpMailer], tmp_path: Path) -> None:
    trusted = certificate(tmp_path)
    async with mail_server(tls=tls_of(trusted), implicit=True, login=True) as inbox:
        await mailer(inbox.port, trusted, "localhost", user=USER, password=PASSWORD, implicit_tls=True).send(
            message()
        )
    assert inbox.logged_in == [True]


async def test_a_password_is_not_sent_to_a_server_without_encryption(reactor_: Any) -> None:
    async with mail_server() as inbox:
        server = MustEncrypt("127.0.0.1", inbox.port, USER, PASSWORD)
        with pytest.raises(MailError, match="STARTTLS") as caught:
            await SmtpMailer(server, "site@localhost", "localhost", reactor_).send(message())
    assert not caught.value.permanent
    assert inbox.mails == []


async def test_a_password_is_not_sent_to_a_server_with_a_strange_certificate(
    reactor_: Any, tmp_path: Path
) -> None:
    async with mail_server(tls=tls_of(certificate(tmp_path)), login=True) as inbox:
        server = MustEncrypt("localhost", inbox.port, USER, PASSWORD)
        with pytest.raises(MailError) as caught:
            await SmtpMailer(server, "site@localhost", "localhost", reactor_).send(message())
    assert not caught.value.permanent
    assert inbox.mails == []


async def test_a_wrong_password_is_said_and_never_shown(reactor_: Any, tmp_path: Path) -> None:
    trusted = certificate(tmp_path)
    roots = trustRootFromCertificates([Certificate.loadPEM(trusted.read_bytes())])
    async with mail_server(tls=tls_of(trusted), login=True) as inbox:
        server = MustEncrypt("localhost", inbox.port, USER, "canary-wrong")
        with logged() as lines, pytest.raises(MailError, match="refused the user or password") as caught:
            await SmtpMailer(server, "site@localhost", "localhost", reactor_, trust=roots).send(message())
    assert not caught.value.permanent
    assert "canary" not in str(caught.value) + "".join(lines)


# -- a server that refuses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer", "permanent", "address"),
    [
        ("RCPT", "450 4.2.0 greylisted", False, False),
        ("RCPT", "550 5.1.1 no such mailbox", True, True),
        ("DATA", "451 4.3.0 later", False, False),
        ("DATA", "554 5.7.1 looks like spam", True, False),
        ("MAIL", "451 later", False, False),
        ("MAIL", "550 5.7.1 not from you", False, False),
    ],
)
async def test_refusals(
    mailer: Callable[..., SmtpMailer], command: str, answer: str, permanent: bool, address: bool
) -> None:
    async with mail_server() as inbox:
        inbox.answers[command] = answer
        with pytest.raises(MailError, match=answer[:3]) as caught:
            await mailer(inbox.port).send(message())
    assert (caught.value.permanent, caught.value.address) == (permanent, address)


async def test_a_refusal_does_not_repeat_the_address(mailer: Callable[..., SmtpMailer]) -> None:
    async with mail_server() as inbox:
        inbox.answers["RCPT"] = "550 <bob@example.org> is unknown here"
        with pytest.raises(MailError) as caught:
            await mailer(inbox.port).send(message())
    assert "bob@" not in caught.value.text


async def test_nobody_there(mailer: Callable[..., SmtpMailer]) -> None:
    async with mail_server() as inbox:
        port = inbox.port
    with pytest.raises(MailError, match="can't be reached") as caught:
        await mailer(port).send(message())
    assert not caught.value.permanent


async def test_an_address_that_mail_cannot_carry(mailer: Callable[..., SmtpMailer]) -> None:
    with pytest.raises(MailError) as caught:
        await mailer(1).send(message(to="böb@example.org"))
    assert (caught.value.permanent, caught.value.address) == (True, True)


async def test_a_host_in_other_letters_goes_out_in_its_ascii_form(mailer: Callable[..., SmtpMailer]) -> None:
    async with mail_server() as inbox:
        await mailer(inbox.port).send(message(to="bob@bücher.example"))
    assert inbox.recipients == ["bob@xn--bcher-kva.example"]


# -- a server that fails ---------------------------------------------------------------------------------------------


class Script(Protocol):
    """Says ``lines`` one after the other, one for each line it gets; ``None`` hangs up, ``...`` says nothing more."""

    lines: tuple[Any, ...] = ()

    def connectionMade(self) -> None:
        self.left = list(self.lines)
        self.in_data = False
        self.got = b""
        self.say()

    def say(self) -> None:
        line = self.left.pop(0) if self.left else ...
        if line is None:
            assert self.transport is not None
            self.transport.loseConnection()
        elif line is not ...:
            assert self.transport is not None
            self.in_data = line.startswith("354")
            self.transport.write(line.encode() + b"\r\n")

    def dataReceived(self, data: bytes) -> None:
        self.got = (self.got + data)[-5:]
        if not self.in_data or self.got == b"\r\n.\r\n":
            self.say()


@pytest_twisted.async_yield_fixture
async def scripted(reactor_: Any) -> AsyncIterator[Callable[..., Any]]:
    ports: list[Any] = []
    open_: list[Protocol] = []

    async def serve(*lines: Any) -> int:
        class Scripted(Script):
            def connectionMade(self) -> None:
                open_.append(self)
                super().connectionMade()

        Scripted.lines = lines
        port = await TCP4ServerEndpoint(reactor_, 0, interface="127.0.0.1").listen(
            Factory.forProtocol(Scripted)
        )
        ports.append(port)
        number: int = port.getHost().port
        return number

    yield serve
    for port in ports:
        await port.stopListening()
    for each in open_:
        if each.transport is not None:
            each.transport.abortConnection()  # type: ignore[attr-defined]
    settled: Deferred[None] = Deferred()
    reactor_.callLater(0.01, settled.callback, None)
    await settled


#: seconds for an answer and for all, where a server is meant to stay silent
HASTE = (0.5, 1.0)
UP_TO_DATA = ("220 hello", "250 hello", "250 ok", "250 ok", "354 go on")


@pytest.mark.parametrize(
    "lines",
    [
        (None,),
        (...,),
        ("220 hello", ...),
        ("220 hello", None),
        ("421 too busy", None),
        ("220 hello", "250 hello", "250 ok", "250 ok", None),
        (*UP_TO_DATA, None),
        (*UP_TO_DATA, ...),
        ("what?",),
        ("220 hello", "garbage"),
    ],
)
async def test_whatever_fails_is_tried_again(
    mailer: Callable[..., SmtpMailer], scripted: Callable[..., Any], lines: tuple[Any, ...], reactor_: Any
) -> None:
    with pytest.raises(MailError) as caught:
        await mailer(await scripted(*lines), patience=HASTE).send(message())
    assert not caught.value.permanent


@pytest.mark.parametrize("after", [(...,), (None,), ("500 what?", None), ("421 bye", None)])
async def test_what_comes_after_the_mail_was_taken_cannot_fail_it(
    mailer: Callable[..., SmtpMailer], scripted: Callable[..., Any], after: tuple[Any, ...]
) -> None:
    with logged() as lines:
        await mailer(await scripted(*UP_TO_DATA, "250 taken", *after), patience=HASTE).send(message())
    assert not any("Traceback" in line for line in lines)


async def test_no_timer_is_left_behind(mailer: Callable[..., SmtpMailer], reactor_: Any) -> None:
    def timers() -> list[Any]:
        """Those of mail and its connections; others share this reactor."""
        ours = ("microblog.tasks", "twisted.mail", "twisted.protocols", "twisted.internet.endpoints")
        return [
            call
            for call in reactor_.getDelayedCalls()
            if str(getattr(call.func, "__module__", "")).startswith(ours)
        ]

    async with mail_server() as inbox:
        await mailer(inbox.port).send(message())
        await until(reactor_, lambda: not timers())
