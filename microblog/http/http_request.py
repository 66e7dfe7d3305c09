"""A request as it arrives on a connection: its bytes, its body and its end. ``request.Request`` wraps it for pages."""

from __future__ import annotations

import json
from http import HTTPStatus
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any, Final, cast

from twisted.python.failure import Failure
from twisted.web import http, server
from twisted.web.iweb import INonQueuedRequestFactory
from zope.interface import directlyProvides

from microblog.http.channel import Channel, Host
from microblog.http.guard import BODY_TOO_LARGE, MAX_BODY, PROGRAM_PATHS, decode_path

#: The reason phrases that Twisted lacks, of 422 and 429 for example: it calls them "Unknown Status".
_PHRASES: Final = {
    each.value: each.phrase.encode() for each in HTTPStatus if each.value not in http.RESPONSES
}
_IN_MEMORY: Final = 128 * 1024  #: bytes of a body above which it goes to a temporary file


class HTTPRequest(server.Request):
    """Twisted's request without the features that this package replaces: forms, sessions, the ``Server`` header."""

    site: Host  # type: ignore[assignment]  # Twisted declares its own Site
    channel: Channel
    defaultContentType = None
    decoded_path = ""
    received = 0
    streams = False  #: the answer lasts until the client leaves: an event stream or a WebSocket

    def __init__(self, channel: Channel, *args: Any, **options: Any) -> None:
        super().__init__(channel, *args, **options)
        self.site = channel.site
        self._counted = False

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        super().setResponseCode(code, message or _PHRASES.get(code))

    def gotLength(self, length: int | None) -> None:
        self.content: Any = BytesIO() if length == 0 else SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115

    def handleContentChunk(self, data: bytes) -> None:
        self.received += len(data)
        if self.received > MAX_BODY:
            self.channel.refuse(BODY_TOO_LARGE)
        else:
            self.content.write(data)

    @property
    def gone(self) -> bool:
        """Whether the connection was lost before the answer was complete."""
        return bool(self._disconnected)

    def body(self) -> bytes:
        """Return the whole body."""
        if not self.received or self.content is None:
            return b""
        self.content.seek(0)
        return cast(bytes, self.content.read())

    def drop_body(self) -> None:
        """Discard the part of the body that has arrived, after a refusal."""
        if self.content is not None:
            self.content.close()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.args = {}
        self.process()

    def process(self) -> None:
        self._counted = True
        self.site.began()
        decoded = decode_path(self.path)
        if decoded is None:
            self.answer(400, b"The path is no text: it is not UTF-8, or has a control character in it.\n")
            return
        self.decoded_path = decoded
        self.prepath = []
        self.postpath = decoded[1:].encode().split(b"/")
        try:
            resource = self.site.resource
            self.render(resource if resource.isLeaf else self.site.getResourceFor(self))
        except Exception:  # noqa: BLE001 - the client gets an answer and the log the traceback, whatever failed
            self.processingFailed(Failure())

    def processingFailed(self, reason: Failure) -> Failure:
        self._log.failure("A request could not be answered.", failure=reason)
        if self._disconnected or self.finished:
            return reason
        if self.startedWriting:
            self.channel.abort()
        else:
            self.answer(500, b"Something went wrong here. It has been logged.\n")
        return reason

    def answer(self, status: int, line: bytes) -> None:
        """Send an answer of one line, where no page can be made; programs get it as JSON."""
        self.setResponseCode(status)
        media_type = b"text/plain; charset=utf-8"
        if self.path.decode("ascii").startswith(PROGRAM_PATHS):
            media_type = b"application/json; charset=utf-8"
            line = json.dumps({"error": line.decode().strip()}).encode()
            self.responseHeaders.setRawHeaders(b"Access-Control-Allow-Origin", [b"*"])
        self.responseHeaders.setRawHeaders(b"Content-Type", [media_type])
        self.responseHeaders.setRawHeaders(b"Cache-Control", [b"no-store"])
        self.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % len(line)])
        self.write(line)
        self.finish()

    def hand_over(self, protocol: Any) -> None:
        """End this request and give its connection to ``protocol``."""
        self.streams = True
        self.code = 101
        self.finished = 1
        waiting, self.notifications = self.notifications, []
        self.drop_body()
        self._ended()
        self.channel.hand_over(protocol)
        for deferred in waiting:
            deferred.callback(None)

    def finish(self) -> None:
        super().finish()
        self._ended()

    def connectionLost(self, reason: Failure) -> None:
        self._ended()
        super().connectionLost(reason)

    def _ended(self) -> None:
        if self._counted:
            self._counted = False
            self.site.ended()


directlyProvides(HTTPRequest, INonQueuedRequestFactory)
