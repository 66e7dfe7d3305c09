"""The mailer protocol, and the maildir that stores mail on a site without a mail server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

log = Logger()

#: 7-bit, because not every mail server accepts more; LF, because Twisted turns it into CRLF.
WIRE: Final = SMTP.clone(linesep="\n", cte_type="7bit")


class MailError(Exception):
    """A mail was refused. ``text`` names no address.

    ``permanent``: the same mail will never be accepted (5yz, RFC 5321 section 4.2.1). ``address``: the server refused
    the address of the recipient.
    """

    def __init__(self, text: str, *, permanent: bool = False, address: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.permanent = permanent
        self.address = address


class Mailer(Protocol):
    """A way to send mail."""

    async def send(self, message: EmailMessage) -> None:
        """Send a mail; return when it was accepted. :raises MailError: it was not."""


def recipient_of(message: EmailMessage) -> str:
    """Return the address in ``To``, in ASCII. :raises MailError: it has characters that mail can't carry."""
    address: Address = message["To"].addresses[0]
    return ascii_address(address.addr_spec)


def ascii_address(address: str) -> str:
    """Return an address with its host in IDNA form (RFC 5891). :raises MailError: its local part is not ASCII."""
    if address.isascii():
        return address
    local, _, host = address.rpartition("@")
    try:
        return f"{local.encode('ascii').decode()}@{host.encode('idna').decode()}"
    except UnicodeError:
        raise MailError(
            "The address has letters that mail servers don't take.", permanent=True, address=True
        ) from None


class Maildir:
    """Stores mail as files, for a site without a mail server: one file a mail in ``folder/new``, as in qmail's maildir.

    A file's name derives from the Message-ID, so that a mail that is sent twice is one file. A thread writes and syncs
    files in ``tmp``, and renames complete ones.
    """

    def __init__(self, folder: Path, reactor: Any) -> None:
        self._folder = folder
        self._reactor = reactor
        self._logged_folder = False

    async def send(self, message: EmailMessage) -> None:
        content = message.as_bytes(policy=WIRE)
        name = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:32] + ".microblog"
        try:
            await self._in_thread(lambda: self._write(name, content))
        except OSError as error:
            raise MailError(f"The mail can't be written to {self._folder}: {error.strerror}.") from error
        if not self._logged_folder:
            self._logged_folder = True
            log.info(
                "no mail server is set (smtp): mail lands as files in {folder}", folder=str(self._folder)
            )
        log.info("a mail is in {folder}: {name}", folder=str(self._folder / "new"), name=name)

    def _write(self, name: str, content: bytes) -> None:
        for part in ("tmp", "new", "cur"):
            (self._folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        if any((self._folder / "cur").glob(name + "*")):
            return  # a mail program has moved it there after reading
        temporary = self._folder / "tmp" / f"{name}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / "new" / name)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)
