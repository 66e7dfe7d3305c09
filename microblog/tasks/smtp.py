"""Mail over SMTP (RFC 5321), one connection a mail, through Twisted's client.

======================  =============================================================================================
``smtps://``            TLS from the first byte, the server's certificate checked
``smtp://`` with user   STARTTLS (RFC 3207), certificate checked; without it nothing is sent (except on loopback)
``smtp://``             STARTTLS where the server offers it, with any certificate: better than none (RFC 7435)
======================  =============================================================================================

Differences to Twisted's own ``ESMTPSender``: lines that begin with a dot are escaped also where a chunk begins (there,
a dot alone would end the mail early and let its text forge commands); nothing of the session is kept, which would
put the password into errors; and an answer after the mail was taken can't fail it.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import parseaddr
from io import BytesIO
from typing import IO, Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions, optionsForClientTLS
from twisted.mail.smtp import (
    AUTHDeclinedError,
    AUTHRequiredError,
    CramMD5ClientAuthenticator,
    ESMTPClient,
    LOGINAuthenticator,
    PLAINAuthenticator,
    SMTPClientError,
    SMTPTimeoutError,
    TLSError,
    TLSRequiredError,
)
from twisted.python.failure import Failure

from microblog.config.kinds import Smtp
from microblog.tasks.mailers import WIRE, MailError, ascii_address, recipient_of

#: Seconds. RFC 5321 (section 4.5.3.2) recommends minutes; here, a mail that takes longer is tried again instead.
CONNECT_TIMEOUT: Final = 20.0
ANSWER_TIMEOUT: Final = 60.0
WHOLE_TIMEOUT: Final = 150.0
GOODBYE_TIMEOUT: Final = 5.0


class SmtpSession(ESMTPClient):
    """The SMTP session of one mail. ``result`` fires with None when the server accepts it, or fails with MailError."""

    debug = False  # Twisted's log of the session has the password in it
    heloFallback = True

    def __init__(
        self,
        identity: str,
        sender: str,
        recipient: str,
        content: bytes,
        server: Smtp,
        tls: Any,
        timeout: float,
    ) -> None:
        password = server.password.encode() if server.password is not None else None
        super().__init__(password, tls, identity)
        self.requireAuthentication = server.password is not None
        self.requireTransportSecurity = server.require_tls
        self.timeout: Any = timeout
        self.result: Deferred[None] = Deferred()
        self.closed: Deferred[None] = Deferred()
        self._sender: bytes | None = sender.encode("ascii")
        self._recipient = recipient.encode("ascii")
        self._content = content
        self._at_line_start = True
        user = (server.user or "").encode()
        for kind in (CramMD5ClientAuthenticator, PLAINAuthenticator, LOGINAuthenticator):
            self.registerAuthenticator(kind(user))

    def getMailFrom(self) -> bytes | None:
        sender, self._sender = self._sender, None
        return sender

    def getMailTo(self) -> list[bytes]:
        return [self._recipient]

    def getMailData(self) -> IO[bytes]:
        return BytesIO(self._content)

    def transformChunk(self, chunk: bytes) -> bytes:
        """Turn LF into CRLF, and double a dot at the start of a line (RFC 5321, section 4.5.2)."""
        self.resetTimeout()
        escaped = chunk.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
        if self._at_line_start and chunk.startswith(b"."):
            escaped = b"." + escaped
        self._at_line_start = chunk.endswith(b"\n")
        return escaped

    def sentMail(self, code: int, resp: bytes | str, num_ok: int, addresses: Any, log: object) -> None:
        if 200 <= code < 300 and num_ok:
            self._settle(None)
            return
        refused = next((each for each in addresses if not 200 <= each[1] < 300), None)
        if refused is not None:
            code, resp = refused[1], refused[2]
        self._settle(
            MailError(
                f"The mail server said {code} {self._readable(resp)}",
                # Without an answer about the recipient it was our sender that was refused: that can be mended.
                permanent=code >= 500 and bool(addresses),
                address=refused is not None and code >= 500,
            )
        )

    def sendError(self, exc: Exception) -> None:
        self._settle(MailError(self._explain(exc)))
        super().sendError(exc)
        if isinstance(exc, SMTPTimeoutError):
            self.abort()

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        self.closed.callback(None)
        why = reason.getErrorMessage() if isinstance(reason, Failure) else "no reason given"
        self._settle(MailError(f"The mail server closed the connection: {why}"))

    def abort(self) -> None:
        """End the connection without waiting for the server."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def _settle(self, error: MailError | None) -> None:
        if self.result.called:
            return
        if error is None:
            self.result.callback(None)
        else:
            self.result.errback(error)

    def _explain(self, exc: Exception) -> str:
        if isinstance(exc, TLSRequiredError):
            return "The mail server offers no encryption (STARTTLS), and the password is not sent without."
        if isinstance(exc, TLSError):
            return "The encrypted connection to the mail server failed. Check its certificate and the smtp setting."
        if isinstance(exc, AUTHRequiredError):
            return "The mail server offers no way to log in that is known here. Check the smtp setting."
        if isinstance(exc, AUTHDeclinedError):
            return "The mail server refused the user or password of the smtp setting."
        if isinstance(exc, SMTPTimeoutError):
            return "The mail server did not answer in time."
        if isinstance(exc, SMTPClientError):
            return f"The mail server said {exc.code} {self._readable(exc.resp)}"
        return f"The mail could not be sent: {type(exc).__name__}"

    def _readable(self, resp: bytes | str) -> str:
        """Return the server's answer on one line, without the address that it refused."""
        text = resp.decode("utf-8", "replace") if isinstance(resp, bytes) else resp
        text = text.replace(self._recipient.decode(), "the address")
        return "".join(each if each.isprintable() else " " for each in text)[:300]


class SmtpMailer:
    """Sends through ``server``.

    ``mail_from`` is the sender's mailbox; ``identity`` is what we call ourselves (EHLO).  ``trust``: what to check
    certificates against (IOpenSSLTrustRoot), by default the platform's.
    """

    def __init__(self, server: Smtp, mail_from: str, identity: str, reactor: Any, trust: Any = None) -> None:
        self._server = server
        self._reactor = reactor
        self._identity = identity
        self._sender = ascii_address(parseaddr(mail_from)[1])
        checked = optionsForClientTLS(server.host, trustRoot=trust)
        endpoint: Any = HostnameEndpoint(reactor, server.host, server.port, timeout=CONNECT_TIMEOUT)
        if server.implicit_tls:
            endpoint = wrapClientTLS(checked, endpoint)
        self._endpoint = endpoint
        self._tls: Any = checked if server.require_tls else CertificateOptions(verify=False)
        self.answer_timeout = ANSWER_TIMEOUT
        self.whole_timeout = WHOLE_TIMEOUT

    async def send(self, message: EmailMessage) -> None:
        content = message.as_bytes(policy=WIRE)
        sending = SmtpSession(
            self._identity,
            self._sender,
            recipient_of(message),
            content,
            self._server,
            self._tls,
            self.answer_timeout,
        )
        connecting: Deferred[Any] = self._endpoint.connect(Factory.forProtocol(lambda: sending))
        try:
            await connecting
        except CancelledError:
            raise
        except Exception as error:
            raise MailError(
                f"The mail server can't be reached: {Failure(error).getErrorMessage()}"
            ) from error
        try:
            await sending.result.addTimeout(self.whole_timeout, self._reactor)
        except TookTooLong as error:
            raise MailError("The mail server took too long.") from error
        except MailError:
            raise
        finally:
            self._hang_up(sending)

    def _hang_up(self, sending: SmtpSession) -> None:
        """Wait for the answer to QUIT, for at most GOODBYE_TIMEOUT seconds, then close the connection."""
        if sending.closed.called:
            return
        late = self._reactor.callLater(GOODBYE_TIMEOUT, sending.abort)

        def closed(result: None) -> None:
            if late.active():
                late.cancel()

        sending.closed.addCallback(closed)
