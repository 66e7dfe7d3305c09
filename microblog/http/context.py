"""The objects that all pages share, built once at start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from microblog.domain.rate_limits import RateLimits
from microblog.http.cookies import Cookies
from microblog.http.csrf import Csrf
from microblog.http.known_browsers import KnownBrowsers
from microblog.http.proxies import Network, TrustedProxies

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.http.templates import Templates


class Sessions(Protocol):
    """The part of the session service that requests use."""

    async def viewer(self, token: str) -> Viewer | None:
        """Return the viewer of the session with ``token``, or None when the session has ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContext:
    """The objects that all pages share, as ``request.web``."""

    public_url: str
    sessions: Sessions
    templates: Templates
    limits: RateLimits
    cookies: Cookies
    csrf: Csrf
    browsers: KnownBrowsers
    proxies: TrustedProxies
    wall_clock: Callable[[], float]
    #: how long a browser keeps the session cookie: as long as a session lasts without being used
    session_seconds: int

    @property
    def https(self) -> bool:
        return self.public_url.startswith("https://")

    @classmethod
    def build(
        cls,
        *,
        public_url: str,
        secret: bytes,
        sessions: Sessions,
        templates: Templates,
        limits: RateLimits,
        trusted_proxies: Iterable[str | Network] = (),
        wall_clock: Callable[[], float] = time.time,
        session_seconds: int,
    ) -> WebContext:
        """Build the context from settings.

        ``secret`` is the site's permanent secret of at least 16 random bytes. ``limits`` is the process's rate limits;
        ``wall_clock`` dates signed cookies.
        """
        cookies = Cookies(secure=public_url.startswith("https://"), secret=secret, seconds=wall_clock)
        return cls(
            public_url=public_url,
            sessions=sessions,
            templates=templates,
            limits=limits,
            cookies=cookies,
            csrf=Csrf(secret=secret, cookies=cookies, public_url=public_url),
            browsers=KnownBrowsers(secret=secret, cookies=cookies),
            proxies=TrustedProxies(trusted_proxies),
            wall_clock=wall_clock,
            session_seconds=session_seconds,
        )
