"""Tables of routes, which modules declare beside their pages::

    routes = Routes("profiles")

    @routes.get("/@<name>", public=True)
    async def profile(microblog: Microblog, request: Request) -> Response:
        account = await microblog.accounts.by_name(request.path_arg("name"))
        return request.render("pages/profile.html", account=account, public=True)

    @routes.post("/@<name>/follow", viewer="required", limit="write")
    async def follow(microblog: Microblog, request: Request) -> Response:
        …
        return Redirect("/@" + name)

and the wiring binds to services::

    dispatcher = HTTPDispatcher(web, [profiles.routes.bind(microblog), health.routes.bind(readiness), …])
    factory = HTTPFactory(dispatcher, reactor)

The first argument of a page is the object that its table is bound to. Paths are whole (nothing is mounted below a
prefix), in werkzeug's syntax: ``<name>`` is a text without a slash, ``<int:id>`` digits, ``<path:rest>`` anything. All
arrive as text. A path also matches with a trailing slash, and answers HEAD where it answers GET.

The options of a declaration, beside the path:

``viewer``      ``"optional"`` (the default: the viewer is looked up if the request has a cookie or token),
                ``"required"`` (else 401, for browsers the log-in page), ``"app"`` (an access token, which may be an
                app's own without an account), ``"none"`` (no look-up: static files, health).
``scope``       an OAuth scope that a token needs (``"read:statuses"``); tables with ``authenticate=`` only.
``limit``       the rate limit (``rate_limits.LIMITS``): by default ``read`` for GET and ``write`` otherwise;
                None for none.
``csrf``        whether the form's token is checked: True for everything but GET in a table without ``authenticate=``.
``text_limit``  bytes of a JSON body, or of all texts of a form together; a larger one gets 413.
``key_limit``   keys of a JSON body, and fields of a form.
``shielded``    whether the work continues when the client goes away: True for everything but GET.
``public``      documentation only: the page has no personal part.
``cached``      anonymous visitors may get the answer from the page cache (``page_cache``).
``remembered``  the token's owner may be half a second old (``Tokens.bearer``): the answer shows nothing of the account.
``summary``     one line for the list of routes; by default the docstring's first.

Two pages of one name, or two pages on one path and method, are an error when the module is imported: Klein would let
the later page answer for both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from microblog.domain.errors import MicroblogError
from microblog.http.forms import KEY_LIMIT, TEXT_LIMIT
from microblog.http.request import Request
from microblog.http.responses import Response
from microblog.http.route import Method, Route, ViewerRule

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer

#: A page: takes the object that its table is bound to and the request, returns the answer.
Page = Callable[[Any, Request], Awaitable[Response]]
P = TypeVar("P", bound=Callable[[Any, Request], Awaitable[Response]])
#: Looks up the viewer by something else than the session cookie, such as a bearer token; takes a page's arguments.
Authenticate = Callable[[Any, Request], "Awaitable[Viewer | None]"]
#: Turns an error into the answer that a table's clients understand.
ErrorForm = Callable[[Request, MicroblogError], Response]


@dataclass(frozen=True, slots=True)
class BoundRoutes:
    """A table, the object that its pages get as their first argument, and the one they read as ``request.shared``."""

    table: Routes
    services: Any
    shared: Any = None


class Routes:
    """A table of routes.

    ``name`` is unique among the tables of a dispatcher.  ``authenticate`` makes it a table for programs: it looks up
    the viewer instead of the session cookie, and no form token is checked, as no cookie counts.  ``cors=True`` admits
    scripts of other sites, preflights included.  ``errors`` makes the answers for errors instead of the dispatcher's
    function.
    """

    def __init__(
        self,
        name: str,
        *,
        authenticate: Authenticate | None = None,
        cors: bool = False,
        errors: ErrorForm | None = None,
    ) -> None:
        self.name = name
        self.errors = errors
        self.authenticate = authenticate
        self.cors = cors
        self._routes: dict[str, Route] = {}
        self._taken: dict[tuple[str, str], str] = {}

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def get(self, *paths: str, **declaration: Any) -> Callable[[P], P]:
        return self.route("GET", *paths, **declaration)

    def post(self, *paths: str, **declaration: Any) -> Callable[[P], P]:
        return self.route("POST", *paths, **declaration)

    def put(self, *paths: str, **declaration: Any) -> Callable[[P], P]:
        return self.route("PUT", *paths, **declaration)

    def patch(self, *paths: str, **declaration: Any) -> Callable[[P], P]:
        return self.route("PATCH", *paths, **declaration)

    def delete(self, *paths: str, **declaration: Any) -> Callable[[P], P]:
        return self.route("DELETE", *paths, **declaration)

    def route(self, method: Method, *paths: str, **declaration: Any) -> Callable[[P], P]:
        """Declare the page below as the answer to ``method`` on each of ``paths``. See the module's docstring."""

        def declare(page: P) -> P:
            self.add(page, method, *paths, **declaration)
            return page

        return declare

    def add(
        self,
        page: Page,
        method: Method,
        *paths: str,
        name: str | None = None,
        viewer: ViewerRule = "optional",
        scope: str | None = None,
        limit: str | None = "",
        csrf: bool | None = None,
        text_limit: int = TEXT_LIMIT,
        key_limit: int = KEY_LIMIT,
        shielded: bool | None = None,
        public: bool = False,
        cached: bool = False,
        remembered: bool = False,
        summary: str | None = None,
    ) -> list[Route]:
        """Add a route for ``page`` at each of ``paths``, and return these routes.

        :raises ValueError: the name or the path is taken, or the path is malformed.
        """
        if not paths:
            raise ValueError("A route needs a path.")
        mutating = method != "GET"
        own_name = name or page.__name__
        added = [
            Route(
                name=f"{self.name}.{own_name}" + (f".{index}" if index else ""),
                method=method,
                path=path,
                page=page,
                viewer=viewer,
                scope=scope,
                limit=("write" if mutating else "read") if limit == "" else limit,
                csrf=(mutating and self.authenticate is None) if csrf is None else csrf,
                shielded=mutating if shielded is None else shielded,
                public=public,
                cached=cached,
                remembered=remembered,
                summary=summary or (page.__doc__ or "").strip().partition("\n")[0],
                program=self.authenticate is not None,
                cors=self.cors,
                text_limit=text_limit,
                key_limit=key_limit,
            )
            for index, path in enumerate(paths)
        ]
        for route in added:
            self._add(route)
        return added

    def _add(self, route: Route) -> None:
        if not route.path.startswith("/") or (len(route.path) > 1 and route.path.endswith("/")):
            raise ValueError(f"{route.path!r}: a path begins with a slash and does not end with one.")
        if route.name in self._routes:
            raise ValueError(f"Two pages are called {route.name}: rename one, or give it name=….")
        taken = self._taken.setdefault((route.method, route.path), route.name)
        if taken != route.name:
            raise ValueError(f"{route.method} {route.path} belongs to {taken} already.")
        self._routes[route.name] = route

    def bind(self, services: Any, shared: Any = None) -> BoundRoutes:
        """Return this table with ``services`` as the first argument of its pages, and ``shared`` on its requests."""
        return BoundRoutes(self, services, shared)
