"""A real mail server (aiosmtpd, in its own thread) that can be told to misbehave."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.waiting import until

USER, PASSWORD = "bob", "canary-password"


class Inbox:
    """What the server took, and how it is to answer.  ``answers`` maps a command to what it says instead."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.secured: list[bool] = []
        self.logged_in: list[bool] = []
        self.answers: dict[str, str] = {}
        self.hang_up_after_data = 0
        self.port = 0
        self.connections = 0

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        self.recipients.extend(envelope.rcpt_tos)
        self.senders.append(envelope.mail_from or "")
        self.secured.append(session.ssl is not None)
        self.logged_in.append(bool(session.authenticated))
        if self.hang_up_after_data:
            self.hang_up_after_data -= 1
            server.transport.close()
        return "250 OK"


class CountedSMTP(SMTP):
    def connection_made(self, transport: Any) -> None:
        if not self._over_ssl_was_plain():
            self.event_handler.connections += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler.connections -= 1
        super().connection_lost(error)

    def _over_ssl_was_plain(self) -> bool:
        """Whether this is the same connection once more, after STARTTLS."""
        return getattr(self, "_original_transport", None) is not None


class Counting(Controller):
    """Knows how many connections are open, so that it is stopped when the last has ended."""

    def factory(self) -> SMTP:
        return CountedSMTP(self.handler, **self.SMTP_kwargs)


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    good = (
        isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
    )
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: bool = False
) -> AsyncIterator[Inbox]:
    """A server on a free port of 127.0.0.1: STARTTLS with ``tls``, or TLS at once when ``implicit``."""
    inbox = Inbox()
    options: dict[str, Any] = {}
    if tls is not None:
        options["ssl_context" if implicit else "tls_context"] = tls
    if login:
        options |= {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": not implicit}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        inbox.port = probe.getsockname()[1]
    controller = Counting(inbox, hostname="127.0.0.1", port=inbox.port, **options)
    controller.start()
    try:
        yield inbox
    finally:
        from twisted.internet import reactor

        await until(reactor, lambda: inbox.connections == 0)
        controller.stop()


def tls_of(pem: Path) -> ssl.SSLContext:
    """A server's TLS with that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context
