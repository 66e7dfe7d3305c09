"""The dispatcher: all tables of routes on one Klein app, and the steps around each page.

There is one app with whole paths, because Klein's mounted apps answer a POST below them with a 308. The steps around a
page: look up the viewer, check the rate limit, the permission and the form's token, run the page, write its answer or
its error. Requests that change something are shielded: Klein cancels a page when its client goes away, and cancelling
a transaction in the middle makes its connection unusable.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed
from werkzeug.routing import MapAdapter

from microblog.domain.errors import Forbidden, MicroblogError, NotFound, Unauthenticated, Unavailable
from microblog.domain.rate_limits import ALSO_BY_ADDRESS
from microblog.http import errors, response_writer
from microblog.http.event_stream import send_stream
from microblog.http.guard import PROGRAM_PATHS
from microblog.http.request import Request
from microblog.http.responses import Redirect, Response, Stream, Upgrade, is_local_path
from microblog.http.route import Route
from microblog.http.routing import BoundRoutes, ErrorForm, Routes
from microblog.http.security import OPENER_POLICY
from microblog.runtime.log import bind_request

if TYPE_CHECKING:
    from microblog.http.context import WebContext
    from microblog.http.http_request import HTTPRequest
    from microblog.http.page_cache import PageCache

_ANY_METHOD: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
#: The star stands for every header but Authorization; older browsers read it as a name (Fetch, CORS protocol).
_ALLOWED_HEADERS: Final = b"*, Authorization, Cache-Control, Content-Type, Idempotency-Key, Last-Event-ID"


class HTTPDispatcher(Resource):
    """The root resource of a :class:`~microblog.http.factory.HTTPFactory`.

    :raises ValueError: two tables share a name, two routes a method and path, or a route names an unknown limit.
    """

    isLeaf = True
    _log = Logger()

    def __init__(
        self,
        web: WebContext,
        tables: Iterable[BoundRoutes],
        *,
        observe: Callable[[str, str, int, float | None], None] | None = None,
        errors: ErrorForm = errors.answer,
        page_cache: PageCache | None = None,
        keeps_opener: Callable[[Request], bool] = lambda _: False,
    ) -> None:
        """
        Args:
            observe: called with the method, the route's path, the status and the seconds of each answer; the seconds
                are None for a stream.
            errors: answers errors in tables that have no function of their own for it, and where no route matches.
            page_cache: where answers of routes with ``cached=True`` are kept; None for nowhere.
            keeps_opener: whether the answer to a request may stay connected to the page of another site that opened
                its window (``Cross-Origin-Opener-Policy``).
        """
        super().__init__()
        self.web = web
        self.page_cache = page_cache
        self._observe = observe
        self._error_form = errors
        self._keeps_opener = keeps_opener
        self.routes: list[Route] = []
        self._prefix = secrets.token_hex(3)
        self._numbers = count(1)
        self._cors: set[str] = set()
        self._app = Klein()
        self._app.url_map.strict_slashes = False
        self._app.url_map.merge_slashes = False
        names: set[str] = set()
        taken: dict[tuple[str, str], str] = {}
        for bound in tables:
            if bound.table.name in names:
                raise ValueError(f"Two tables of routes are called {bound.table.name}.")
            names.add(bound.table.name)
            for route in bound.table:
                owner = taken.setdefault((route.method, route.path), route.name)
                if owner != route.name:
                    raise ValueError(f"{route.method} {route.path} belongs to {owner}, and to {route.name}.")
                if route.limit is not None and not web.limits.knows(route.limit):
                    raise ValueError(f"{route.name}: there is no limit called {route.limit!r}.")
                self._add(bound, route)
        self._app.handle_errors(HTTPException)(cast(Any, self._unmatched))
        self._klein = self._app.resource()

    def _add(self, bound: BoundRoutes, route: Route) -> None:
        def endpoint(raw: HTTPRequest, **args: object) -> Deferred[bytes | None]:
            return self._run(raw, route, bound, {name: str(value) for name, value in args.items()})

        endpoint.__name__ = route.name
        self.routes.append(route)
        self._app.route(route.path, methods=[route.method], endpoint=route.name)(endpoint)
        if route.cors:
            self._cors.add(route.name)

    # -- from the factory -------------------------------------------------------------------------------------

    def render(self, raw: HTTPRequest) -> int:
        path = raw.decoded_path
        if raw.method == b"OPTIONS":
            self._options(raw, path)
        elif (
            path.endswith("/")
            and len(path) > 1
            and raw.method in (b"GET", b"HEAD")
            and not path.startswith(PROGRAM_PATHS)
            and (tidy := self._tidy(raw)) is not None
        ):
            raw.responseHeaders.setRawHeaders(b"Location", [tidy])
            raw.answer(301, b"The address is without the slash at its end.\n")
        else:
            self._klein.render(raw)
        return NOT_DONE_YET

    def _tidy(self, raw: HTTPRequest) -> bytes | None:
        """Return the address without its final slash, or None if that leaves this site."""
        path = raw.path.rstrip(b"/")
        query = raw.uri.partition(b"?")[2]
        return path + (b"?" + query if query else b"") if is_local_path(path.decode("ascii")) else None

    def _options(self, raw: HTTPRequest, path: str) -> None:
        """Answer OPTIONS: the allowed methods, and preflights by scripts of other sites (Fetch, CORS)."""
        headers = raw.responseHeaders
        adapter: MapAdapter = self._app.url_map.bind("")
        allowed = set(adapter.allowed_methods(path)) - {"OPTIONS"} if raw.path != b"*" else {"GET", "HEAD"}
        endpoint = None
        try:
            if allowed and raw.path != b"*":
                endpoint = adapter.match(path, method=min(allowed))[0]
        except (
            HTTPException
        ):  # a number in the path is longer than any id: the methods match, the path does not
            allowed = set()
        # Scripts of other sites may read a 404 too, and their browsers send a preflight before the request.
        not_found = not allowed and path.startswith(PROGRAM_PATHS) and _is_preflight(raw)
        if not_found:
            allowed = set(_ANY_METHOD)
        if not allowed:
            self._klein.render(raw)
            return
        names = ", ".join(sorted({*allowed, "OPTIONS"})).encode()
        headers.setRawHeaders(b"Allow", [names])
        if not_found or endpoint in self._cors:
            headers.setRawHeaders(b"Access-Control-Allow-Origin", [b"*"])
            headers.setRawHeaders(b"Access-Control-Allow-Methods", [names])
            headers.setRawHeaders(b"Access-Control-Allow-Headers", [_ALLOWED_HEADERS])
            headers.setRawHeaders(b"Access-Control-Max-Age", [b"86400"])
        raw.setResponseCode(204)
        raw.write(b"")
        raw.finish()

    def _unmatched(self, raw: HTTPRequest, failure: Failure) -> Deferred[bytes | None]:
        """Answer a request without a route, through the same steps as all others."""
        allowed: list[str] | Redirect | None = None
        if isinstance(failure.value, WerkzeugMethodNotAllowed):
            methods = [str(method) for method in failure.value.valid_methods or ()]
            allowed = self._page_above(raw, methods) or methods
        bound = _PROGRAM_NOT_FOUND if raw.decoded_path.startswith(PROGRAM_PATHS) else _PAGE_NOT_FOUND
        (route,) = bound.table
        return self._run(raw, route, BoundRoutes(bound.table, allowed), {})

    def _page_above(self, raw: HTTPRequest, allowed: list[str]) -> Redirect | None:
        """Return a redirect to the nearest page above a form's address that a browser opens; None for programs.

        Reloading, a bookmark or the return from the log-in open such addresses: ``/@bob/follow`` accepts only a form.
        """
        accept = (raw.requestHeaders.getRawHeaders(b"Accept") or [b""])[0]
        if raw.method not in (b"GET", b"HEAD") or "POST" not in allowed or b"text/html" not in accept:
            return None
        adapter: MapAdapter = self._app.url_map.bind("")
        path = raw.decoded_path
        while len(path) > 1:
            path = path.rpartition("/")[0] or "/"
            if "GET" in adapter.allowed_methods(path):
                return Redirect(path if is_local_path(path) else "/")
        return Redirect("/")

    # -- around a page ----------------------------------------------------------------------------------------

    def _run(
        self, raw: HTTPRequest, route: Route, bound: BoundRoutes, args: dict[str, str]
    ) -> Deferred[bytes | None]:
        request = Request(
            raw,
            self.web,
            route,
            bound.services,
            bound.shared,
            args,
            f"{self._prefix}-{next(self._numbers):x}",
        )
        began = raw.site.seconds()
        work = Deferred.fromCoroutine(self._answer(request, bound))
        if self._observe is not None:
            work.addBoth(self._observed, raw, route, began)
        return self._shielded(work, raw) if route.shielded and not work.called else work

    def _observed(self, result: Any, raw: HTTPRequest, route: Route, began: float) -> Any:
        if self._observe is not None and not (raw.gone and isinstance(result, Failure)):
            # Addresses without a route are unbounded, so they are counted together.
            path = route.path if route.name not in _FALLBACKS else ""
            seconds = None if raw.streams else raw.site.seconds() - began
            self._observe(route.method, path, raw.code, seconds)
        return result

    def _shielded(self, work: Deferred[bytes | None], raw: HTTPRequest) -> Deferred[bytes | None]:
        """Let ``work`` continue when the client goes away; draining waits for it."""
        gone = False

        def leave(_: object) -> None:
            nonlocal gone
            gone = True

        outer: Deferred[bytes | None] = Deferred(leave)

        def done(result: Any) -> None:
            if isinstance(result, Failure):
                if gone:
                    self._log.failure("Work whose client had gone away failed.", failure=result)
                else:
                    outer.errback(result)
            elif not gone:
                outer.callback(result)

        raw.site.hold(work)
        work.addBoth(done)
        return outer

    async def _answer(self, request: Request, bound: BoundRoutes) -> bytes | None:
        bind_request(request.id)
        raw = request.raw
        try:
            response = await self._page(request, bound)
            if not isinstance(response, Response):
                raise TypeError(f"{request.route.name} gave {type(response).__name__} instead of a Response.")
            if isinstance(response, Stream):
                raw.streams = True
                return await send_stream(request, response)
            if isinstance(response, Upgrade):
                await response.take_over()
                return None
            return self._write(request, response)
        except CancelledError:
            if raw.gone:
                raise  # the client has left, and the request only read
            error: MicroblogError = Unavailable("This took too long. Try again in a moment.")
        except MicroblogError as known:
            error = known
            if raw.gone:
                self._log.warn("Work whose client had gone away ended with: {text}", text=error.text)
        except Exception:  # noqa: BLE001 - a faulty page must not affect others; CancelledError is handled above
            self._log.failure(
                "{method} {route} failed.", method=request.method, route=request.route.path or request.path
            )
            error = errors.InternalError()
        if raw.startedWriting:
            # A cut connection does not look like a complete answer.
            if not raw.gone:
                raw.channel.abort()
            return None
        request.cookies_out.clear()
        request.limit_state = errors.limit_state(error) or request.limit_state
        form = bound.table.errors or self._error_form
        return self._write(request, form(request, error))

    def _write(self, request: Request, response: Response) -> bytes:
        if self._keeps_opener(request):
            request.raw.responseHeaders.setRawHeaders(OPENER_POLICY, [b"unsafe-none"])
        return response_writer.prepare(request, response)

    async def _page(self, request: Request, bound: BoundRoutes) -> Response:
        """Run the checks of the route, then its page or the page cache."""
        route = request.route
        if route.viewer != "none":
            await self._look_up_viewer(request, bound)
        if route.limit is not None:
            request.limit_state = self._spend(route.limit, request)
        if request.viewer is None:
            if route.viewer == "required":
                raise Unauthenticated("You need to log in for that.")
        elif route.scope is not None and not request.viewer.can(route.scope):
            raise Forbidden("This action is outside the authorized scopes")
        if route.csrf:
            request.check_csrf()
        if (
            route.cached
            and self.page_cache is not None
            and request.viewer is None
            and request.method in ("GET", "HEAD")
            and not request.flashes
        ):
            return await self.page_cache.answer(
                request.page_key,
                lambda: route.page(bound.services, request),
                lambda: request.personal or bool(request.cookies_out),
            )
        return await route.page(bound.services, request)

    async def _look_up_viewer(self, request: Request, bound: BoundRoutes) -> None:
        authenticate = bound.table.authenticate
        if authenticate is not None:
            request.viewer = await authenticate(bound.services, request)
        elif (token := request.session_token) is not None:
            request.viewer = await self.web.sessions.viewer(token)
            # Only for GET: the answer to a changed password sets another session cookie.
            if request.viewer is not None and request.viewer.prolonged and request.method == "GET":
                request.prolong_session(token)
            request.session_ended = request.viewer is None

    def _spend(self, limit: str, request: Request) -> tuple[int, int, float] | None:
        """Take one token from a rate limit; return its state for the headers."""
        limits, address = self.web.limits, request.remote_address
        if request.viewer is None:
            return limits.spend_by_address(limit, address)
        state = limits.spend(limit, f"account:{request.viewer.id}")
        if limit in ALSO_BY_ADDRESS:
            limits.spend_by_address(limit, address)
        return state


async def _not_found(allowed: list[str] | Redirect | None, _: Request) -> Response:
    if isinstance(allowed, Redirect):
        return allowed
    if allowed is not None:
        raise errors.MethodNotAllowed(allowed)
    raise NotFound


def _is_preflight(raw: HTTPRequest) -> bool:
    return all(raw.requestHeaders.hasHeader(name) for name in ("Origin", "Access-Control-Request-Method"))


def _fallback(name: str, *, cors: bool) -> BoundRoutes:
    table = Routes(name, cors=cors)
    table.get("/", shielded=False)(_not_found)
    return table.bind(None)


_PAGE_NOT_FOUND = _fallback("no-page", cors=False)
_PROGRAM_NOT_FOUND = _fallback("no-program", cors=True)
_FALLBACKS: Final = frozenset(
    route.name for bound in (_PAGE_NOT_FOUND, _PROGRAM_NOT_FOUND) for route in bound.table
)
