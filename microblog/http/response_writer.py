"""The writer of answers: status, headers (caching, ETags, cookies, rate limits) and the compressed body."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Final

from microblog.http.compression import accepts_gzip, compress, is_compressible
from microblog.http.responses import CachedResponse, ExternalRedirect, NotModified, Redirect, Response

if TYPE_CHECKING:
    from twisted.web.http_headers import Headers

    from microblog.http.request import Request

VARY: Final = b"Accept, Accept-Encoding, Authorization, Cookie, X-Fragment"
EXPOSED: Final = b"Link, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"


def prepare(request: Request, response: Response) -> bytes:
    """Set the status and the headers of an answer, and return the body to write."""
    raw = request.raw
    headers = raw.responseHeaders
    status = response.status
    for name, value in response.headers.items():
        headers.setRawHeaders(name, [value])
    if isinstance(response, Redirect | ExternalRedirect):
        headers.setRawHeaders(b"Location", [response.location.encode("ascii")])
    body = response.encode()
    if _set_caching(request, response, headers, body):
        status, body = 304, b""
    elif body:
        media_type = response.media_type
        headers.setRawHeaders(b"Content-Type", [media_type.encode("latin-1")])
        if is_compressible(body, media_type):
            body = _compressed(request, headers, body, response)
    raw.setResponseCode(status)
    if status not in (204, 304):
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    _set_rest(request, headers)
    return body


def prepare_stream(request: Request, response: Response) -> None:
    """Set the status and the headers of an answer whose body comes in pieces."""
    headers = request.raw.responseHeaders
    for name, value in response.headers.items():
        headers.setRawHeaders(name, [value])
    headers.setRawHeaders(b"Content-Type", [response.media_type.encode("latin-1")])
    _set_caching(request, response, headers, b"")
    request.raw.setResponseCode(response.status)
    _set_rest(request, headers)


def _set_rest(request: Request, headers: Headers) -> None:
    if request.cookies_out:
        headers.setRawHeaders(b"Set-Cookie", [line.encode("latin-1") for line in request.cookies_out])
    if request.limit_state is not None and (request.route.program or request.raw.code == 429):
        limit, remaining, full_in = request.limit_state
        reset = datetime.fromtimestamp(ceil(request.web.wall_clock() + full_in), UTC)
        headers.setRawHeaders(b"X-RateLimit-Limit", [b"%d" % limit])
        headers.setRawHeaders(b"X-RateLimit-Remaining", [b"%d" % remaining])
        headers.setRawHeaders(b"X-RateLimit-Reset", [reset.strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()])
    if request.route.cors:
        headers.setRawHeaders(b"Access-Control-Allow-Origin", [b"*"])
        headers.setRawHeaders(b"Access-Control-Expose-Headers", [EXPOSED])


def _set_caching(request: Request, response: Response, headers: Headers, body: bytes) -> bool:
    """Set the caching headers; return whether the client's copy is current.

    No cache may store a personal answer: one with a viewer, a cookie or a form's token.
    """
    if headers.hasHeader(b"Cache-Control"):
        return False
    shared = (
        response.public
        and request.viewer is None
        and not request.personal
        and not request.cookies_out
        and request.method in ("GET", "HEAD")
    )
    if not shared:
        headers.setRawHeaders(b"Cache-Control", [b"no-store"])
        return False
    headers.setRawHeaders(
        b"Cache-Control", [b"public, max-age=%d" % response.max_age if response.max_age else b"no-cache"]
    )
    headers.setRawHeaders(b"Vary", [VARY])
    if response.status not in (200, 304):
        return False
    if isinstance(response, NotModified):
        etag = response.tag
    else:
        etag = (
            response.etag or hashlib.blake2b(body, digest_size=12).hexdigest()
            if body
            else response.etag or ""
        )
    if not etag:
        return False
    headers.setRawHeaders(b"ETag", [b'W/"%b"' % etag.encode("ascii")])
    return response.status == 304 or etag_matches(request.header("if-none-match"), etag)


def etag_matches(header: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` names ``etag``, by weak comparison (RFC 9110, section 13.1.2)."""
    if not header:
        return False
    if header.strip() == "*":
        return True
    return any(candidate.strip().removeprefix("W/").strip('"') == etag for candidate in header.split(","))


def _may_leak(request: Request) -> bool:
    """Return whether the length of a compressed answer could reveal its content to another site (BREACH).

    The attack needs a secret and a text of the other site in one answer. Each answer that depends on the session has a
    secret: a private post, a form's token. A text of another site may be in the path, the query or the body, unless the
    browser reports that the request came from this site or from the address bar (Fetch Metadata, ``Sec-Fetch-Site``).
    Another site cannot make a browser send an access token.
    """
    if request.bearer is not None or not (
        request.viewer is not None or request.personal or request.cookies_out
    ):
        return False
    if request.header("sec-fetch-site") in ("same-origin", "none"):
        return False
    return request.path != request.route.path or b"?" in request.raw.uri or request.raw.received > 0


def _compressed(request: Request, headers: Headers, body: bytes, response: Response) -> bytes:
    etag = headers.getRawHeaders(b"ETag")
    if etag and not etag[0].startswith(b"W/"):
        return body  # a strong ETag identifies these exact bytes
    packable = not headers.hasHeader(b"Content-Encoding") and accepts_gzip(request.header("accept-encoding"))
    if not packable or _may_leak(request):
        return body
    headers.setRawHeaders(b"Content-Encoding", [b"gzip"])
    if not headers.hasHeader(b"Vary"):
        headers.setRawHeaders(b"Vary", [b"Accept-Encoding"])
    if isinstance(response, CachedResponse) and response.packed is not None:
        return response.packed
    return compress(body)
