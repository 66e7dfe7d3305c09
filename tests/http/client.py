"""A client for tests: whole requests through the real site, channel and parser, without a socket.

::

    client = Client(site)
    page = await client.get("/@bob")
    page.status, page.headers["content-type"], page.text, page.json(), page.html
    await client.post("/login", form={"name": "bob", "password": "…"})

It keeps cookies as a browser does (by name; it is always the same host), sends the form's token with each form once
it has seen one (``client.csrf_from("/login")`` goes and gets one), and follows redirects with ``follow=True``.
A page's ``html`` is an lxml tree, for ``.cssselect``-free queries by XPath: ``page.html.xpath("//h1/text()")``.

``client.connect()`` gives the bare connection, for bytes that no client should send.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import lxml.html
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from microblog.http.factory import HTTPFactory

ADDRESS = "192.0.2.1"


class MemoryTransport(StringTransport):
    """A transport whose other end is the test.  ``reads=False``: a client that does not read."""

    disconnected = False
    half_closed = False
    aborted = False

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            hostAddress=IPv4Address("TCP", "127.0.0.1", 8000), peerAddress=IPv4Address("TCP", ADDRESS, 50000)
        )
        self._connection = connection
        self.reads = True
        self.paused_producer = False

    def write(self, data: bytes) -> None:
        if self.disconnected or self.half_closed:
            return
        super().write(data)
        if not self.reads and not self.paused_producer and self.producer is not None:
            self.paused_producer = True
            self.producer.pauseProducing()
        self._connection.arrived()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def read(self) -> None:
        """Let the client read again."""
        self.reads = True
        if self.paused_producer:
            self.paused_producer = False
            self.producer.resumeProducing()

    def loseConnection(self) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self._lost(ConnectionDone())

    def loseWriteConnection(self) -> None:
        self.half_closed = True
        self._connection.arrived()

    def abortConnection(self) -> None:
        """Tell the protocol in the reactor's next turn, as a real socket does."""
        if not self.disconnected:
            self.aborted = self.disconnected = True
            self._connection.lost_soon()

    def _lost(self, reason: Exception) -> None:
        if not self.disconnected:
            self.disconnected = True
            self._connection.lost(reason)


class Connection:
    """A connection to the site: ``send`` bytes, read ``received``, ``hang_up``."""

    def __init__(self, site: HTTPFactory, address: str = ADDRESS) -> None:
        family = IPv6Address if ":" in address else IPv4Address
        peer = family("TCP", address, 50000)
        self.transport = MemoryTransport(self)
        self.transport.peerAddr = peer
        self._waiting: list[tuple[Any, Deferred[None]]] = []
        self._ended = False
        self._site = site
        self.channel = site.buildProtocol(peer)
        self.channel.makeConnection(self.transport)

    @property
    def received(self) -> bytes:
        return self.transport.value()

    @property
    def open(self) -> bool:
        """Whether the server may still send bytes."""
        return not (self.transport.disconnected or self.transport.half_closed)

    def send(self, data: bytes) -> None:
        if not self.transport.disconnected:
            self.channel.dataReceived(data)

    def hang_up(self) -> None:
        """Close the client's end abruptly."""
        self.transport._lost(ConnectionLost())

    def arrived(self) -> None:
        for check, deferred in list(self._waiting):
            if check() or not self.open:
                self._waiting.remove((check, deferred))
                deferred.callback(None)

    def lost(self, reason: Exception) -> None:
        if not self._ended:
            self._ended = True
            self.channel.connectionLost(Failure(reason))
            self.arrived()

    def lost_soon(self) -> None:
        self._site.reactor.callLater(0, self.lost, ConnectionLost())
        self.arrived()

    async def until(self, check: Any) -> None:
        """Wait until ``check()`` holds or the connection has ended."""
        if not check() and self.open:
            deferred: Deferred[None] = Deferred()
            self._waiting.append((check, deferred))
            await deferred

    def answers(self, method: str = "GET") -> list[Page]:
        """Return the complete answers received so far, all to requests with ``method``."""
        pages, data = [], self.received
        while data:
            page, data = parse_answer(data, method, ended=not self.open)
            if page is None:
                break
            pages.append(page)
        return pages


class Headers(dict[str, str]):
    """The headers by lower-case name; a comma joins several values, and ``cookies`` holds ``Set-Cookie``."""


@dataclass
class Page:
    """An answer."""

    status: int
    headers: Headers
    body: bytes
    cookies: list[str] = field(default_factory=list)
    path: str = ""

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def content(self) -> bytes:
        """The uncompressed body as text."""
        return gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def html(self) -> Any:
        return lxml.html.document_fromstring(self.text)

    @property
    def csrf(self) -> str | None:
        """The token of the first form that has a token."""
        tokens = self.html.xpath("//input[@name='csrf_token']/@value") if self.content else []
        return str(tokens[0]) if tokens else None


class Client:
    """A client with cookies.  ``address`` is its network address; each request carries ``headers``."""

    def __init__(
        self,
        site: HTTPFactory,
        *,
        address: str = ADDRESS,
        host: str = "localhost:8000",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.site = site
        self.address = address
        self.host = host
        self.headers = dict(headers or {})
        self.cookies: dict[str, str] = {}
        self.csrf: str | None = None
        self._connections: list[Connection] = []

    def connect(self) -> Connection:
        self._connections.append(Connection(self.site, self.address))
        return self._connections[-1]

    def close(self) -> None:
        """Close all connections."""
        while self._connections:
            self._connections.pop().hang_up()

    async def get(self, path: str, **options: Any) -> Page:
        return await self.request("GET", path, **options)

    async def head(self, path: str, **options: Any) -> Page:
        return await self.request("HEAD", path, **options)

    async def post(self, path: str, **options: Any) -> Page:
        return await self.request("POST", path, **options)

    async def delete(self, path: str, **options: Any) -> Page:
        return await self.request("DELETE", path, **options)

    async def csrf_from(self, path: str) -> str:
        """Get a page and use its form's token for the following posts."""
        page = await self.get(path)
        assert page.csrf is not None, f"{path} ({page.status}) has no form with a token"
        return page.csrf

    async def request(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str | list[str]] | None = None,
        files: Mapping[str, tuple[str, str, bytes]] | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
        csrf: bool = True,
    ) -> Page:
        """Post ``form`` urlencoded, or as multipart with ``files`` (name -> filename, type, bytes).

        ``csrf=False`` omits the form token.
        """
        sent = {**self.headers}
        if form is not None or files is not None:
            fields = dict(form or {})
            if csrf and self.csrf is not None and "csrf_token" not in fields:
                fields["csrf_token"] = self.csrf
            if files is None:
                body = urlencode(fields, doseq=True).encode()
                sent["Content-Type"] = "application/x-www-form-urlencoded"
            else:
                body = multipart(fields, files)
                sent["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        elif json is not None:
            body = globals()["json"].dumps(json).encode()
            sent["Content-Type"] = "application/json"
        elif method in ("POST", "PUT", "PATCH") and body is None:
            body = b""
        sent.update(headers or {})
        page = await self._send(method, path, sent, body)
        page.path = path
        while follow and page.status in (301, 302, 303):
            target = urlsplit(urljoin(path, page.headers["location"]))
            path = target.path + (f"?{target.query}" if target.query else "")
            page = await self._send("GET", path, {**self.headers, **(headers or {})}, None)
            page.path = path
        return page

    async def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Page:
        lines = {"Host": self.host, **headers}
        if self.cookies:
            lines.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if body is not None:
            lines["Content-Length"] = str(len(body))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items()
        )
        connection = Connection(self.site, self.address)
        connection.send(head.encode() + b"\r\n" + (body or b""))
        await connection.until(lambda: parse_answer(connection.received, method, ended=False)[0] is not None)
        page, _ = parse_answer(connection.received, method, ended=True)
        connection.hang_up()
        assert page is not None, f"{method} {path}: the connection ended without an answer"
        for line in page.cookies:
            name, _, rest = line.partition("=")
            value, _, attributes = rest.partition(";")
            if "max-age=0" in attributes.lower().replace(" ", "").split(";"):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        if page.headers.get("content-type", "").startswith("text/html") and b"csrf_token" in page.content:
            self.csrf = page.csrf or self.csrf
        return page


BOUNDARY = "----a-boundary-of-the-tests"


def multipart(fields: Mapping[str, str | list[str]], files: Mapping[str, tuple[str, str, bytes]]) -> bytes:
    parts = []
    for name, value in fields.items():
        texts = value if isinstance(value, list) else [value]
        parts.extend(
            f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode() for text in texts
        )
    for name, (filename, content_type, data) in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {content_type}'
        parts.append(head.encode() + b"\r\n\r\n" + data)
    delimiter = b"--" + BOUNDARY.encode()
    return b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"


def parse_answer(data: bytes, method: str, *, ended: bool) -> tuple[Page | None, bytes]:
    """Return the first complete answer in ``data`` and the bytes behind it, or None while it is incomplete."""
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return None, data
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1])
    if status == 100:
        return parse_answer(rest, method, ended=ended)
    headers, cookies = Headers(), []
    for line in lines:
        name, _, value = line.partition(": ")
        if name.lower() == "set-cookie":
            cookies.append(value)
        elif name.lower() in headers:
            headers[name.lower()] += ", " + value
        else:
            headers[name.lower()] = value
    if method == "HEAD" or status in (204, 304):
        return Page(status, headers, b"", cookies), rest
    if "content-length" in headers:
        length = int(headers["content-length"])
        if len(rest) < length:
            return None, data
        return Page(status, headers, rest[:length], cookies), rest[length:]
    if headers.get("transfer-encoding") == "chunked":
        body, behind = _dechunk(rest)
        return (None, data) if body is None else (Page(status, headers, body, cookies), behind)
    return (Page(status, headers, rest, cookies), b"") if ended else (None, data)


def _dechunk(data: bytes) -> tuple[bytes | None, bytes]:
    body = b""
    while True:
        line, separator, data = data.partition(b"\r\n")
        if not separator:
            return None, b""
        size = int(line, 16)
        if len(data) < size + 2:
            return None, b""
        body, data = body + data[:size], data[size + 2 :]
        if size == 0:
            return body, data
