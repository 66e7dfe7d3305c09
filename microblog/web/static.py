"""Static files, served from memory: styles, scripts, icons.

``Assets`` reads a folder once, at start.  Each file has two addresses: ``/static/site.css``, which browsers revalidate
each time (ETag), and ``/static/site.<hash>.css``, which browsers cache for a year, because other content gets another
address.  Templates use the second one, ``static_url('site.css')``.  Scripts that import each other use the first.

``/favicon.ico`` and ``/robots.txt`` are here as well: browsers and crawlers ask for them on every site.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from microblog.domain.errors import NotFound
from microblog.http.compression import accepts_gzip
from microblog.http.request import Request
from microblog.http.response_writer import etag_matches
from microblog.http.responses import Document, Empty, NotModified, Response
from microblog.http.routing import Routes

STATIC_DIR: Final = Path(__file__).parent / "static"
_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
_REVALIDATE: Final = "public, no-cache"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file in memory. ``packed`` is its gzip form, or None if that is hardly smaller."""

    name: str
    content_type: str
    digest: str
    body: bytes = field(repr=False)
    packed: bytes | None = field(repr=False)


class Assets:
    """All files in ``directory`` and below; none if it does not exist."""

    def __init__(self, directory: Path = STATIC_DIR) -> None:
        self._by_name: dict[str, Asset] = {}
        self._hashed: dict[str, Asset] = {}
        self._urls: dict[str, str] = {}
        for path in sorted(directory.rglob("*")) if directory.is_dir() else ():
            if path.is_file() and not path.name.startswith("."):
                self._add(path, path.relative_to(directory).as_posix())

    def _add(self, path: Path, name: str) -> None:
        body = path.read_bytes()
        content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        packed = gzip.compress(body, 9, mtime=0)
        digest = hashlib.blake2b(body, digest_size=6).hexdigest()
        asset = Asset(name, content_type, digest, body, packed if len(packed) < len(body) * 0.9 else None)
        hashed = f"{name[: -len(path.suffix)] if path.suffix else name}.{digest}{path.suffix}"
        self._by_name[name] = asset
        self._hashed[hashed] = asset
        self._urls[name] = f"/static/{hashed}"

    def url(self, name: str) -> str:
        """Return a file's address with the hash of its content.

        :raises KeyError: no such file; a template with a wrong name fails at its first use.
        """
        return self._urls[name]

    def find(self, name: str) -> tuple[Asset, bool]:
        """Return the asset and whether ``name`` has its hash.

        :raises NotFound: no file has this name, with or without a hash.
        """
        asset = self._hashed.get(name)
        if asset is not None:
            return asset, True
        asset = self._by_name.get(name)
        if asset is None:
            raise NotFound
        return asset, False

    def respond(self, request: Request, name: str) -> Response:
        """Return the answer with the file called ``name``.

        :raises NotFound: no such file.
        """
        asset, hashed = self.find(name)
        packed = asset.packed if accepts_gzip(request.header("accept-encoding")) else None
        etag = asset.digest + ("-gz" if packed is not None else "")
        headers = {
            "Cache-Control": _FOR_A_YEAR if hashed else _REVALIDATE,
            "ETag": f'"{etag}"',
            "Vary": "Accept-Encoding",
        }
        if etag_matches(request.header("if-none-match"), etag):
            return NotModified(etag, headers=headers)
        if packed is not None:
            return Document(packed, asset.content_type, headers={**headers, "Content-Encoding": "gzip"})
        return Document(asset.body, asset.content_type, headers=headers)


routes = Routes("static")


@routes.get("/static/<path:name>", viewer="none", limit=None, public=True)
async def static(assets: Assets, request: Request) -> Response:
    """Return a static file."""
    return assets.respond(request, request.path_arg("name"))


@routes.get("/favicon.ico", viewer="none", limit=None, public=True)
async def favicon(assets: Assets, request: Request) -> Response:
    """Return the icon that browsers ask for by default."""
    for name in ("favicon.ico", "icon.svg", "favicon.svg"):
        try:
            return assets.respond(request, name)
        except NotFound:
            continue
    return Empty(headers={"Cache-Control": "public, max-age=86400"})


@routes.get("/robots.txt", viewer="none", limit=None, public=True)
async def robots(_: Assets, __: Request) -> Response:
    """Return the rules for crawlers, which exclude pages that no search should find."""
    return Document(
        "User-agent: *\nDisallow: /api/\nDisallow: /oauth/\nDisallow: /search\nDisallow: /settings\nDisallow: /login\n",
        headers={"Cache-Control": "public, max-age=86400"},
    )
