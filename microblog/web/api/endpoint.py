"""Declarations of API endpoints::

    api = Api("api.bookmarks", "Bookmarks")

    @api.get("/api/v1/bookmarks", scope="read:bookmarks", params=Paging, answer=list[StatusEntity], paged=True)
    async def bookmarks(microblog: Microblog, call: Call[Paging]) -> Paged:
        \"\"\"List the posts you bookmarked, newest bookmark first.\"\"\"
        page = await microblog.timelines.bookmarks(call.viewer, call.params.span)
        return call.paged(page, call.statuses(page.items))

One declaration routes the request, parses its parameters (``parameters``), requires the token's scope, sets the caching
of the answer, and describes the endpoint at ``/api/openapi.json`` (``openapi``). Beside the options of a route
(``http.routing``), it has these:

``viewer``    ``"required"`` (the default: a token of an account), ``"optional"``, ``"app"`` (any token), ``"none"``
``params``    a msgspec Struct: types, bounds, defaults and descriptions of the parameters
``parse``     the function that reads the parameters from the request; OAuth has rules of its own
``answer``    the type that the function returns: a Struct, ``list[…]``, ``dict[…]``; Nothing for ``{}``
``paged``     the answer is ``call.paged(…)``, with a ``Link`` header
``public``    anonymous answers have an ETag, and are 304 when the client has them already
``max_age``   seconds that anonymous answers may be cached by clients
``statuses``  further HTTP statuses of errors, for the description

The function returns the value to encode, a :class:`Paged`, or a ``Response``. It raises the domain's errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import InvalidInput, NotFound, Unauthenticated
from microblog.domain.posts import Page, Post
from microblog.http.responses import CachedResponse, Json, Response
from microblog.http.route import Method, Route, ViewerRule
from microblog.http.routing import Routes
from microblog.mastodon import entities, errors
from microblog.mastodon.bearer import authenticate
from microblog.mastodon.errors import INVALID_TOKEN
from microblog.web.api import parameters
from microblog.web.api.parameters import AccountPaging, Id, Nothing, Paging, clamped
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.domain.filters import Context
    from microblog.domain.oauth import Bearer
    from microblog.http.request import Request
    from microblog.mastodon.entities import AccountEntity, StatusEntity
    from microblog.services.microblog import Microblog

__all__ = [
    "AccountPaging",
    "Api",
    "Call",
    "Endpoint",
    "Id",
    "Nothing",
    "Paged",
    "Paging",
    "clamped",
]

P = TypeVar("P")
F = TypeVar("F", bound=Callable[[Any, Any], Awaitable[Any]])

_VERBS: Final[Mapping[Method, tuple[Method, ...]]] = {"PUT": ("PUT", "PATCH"), "PATCH": ("PATCH", "PUT")}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route, and what the API adds to its declaration."""

    route: Route
    name: str  #: of the function
    about: str  #: the heading of its group
    params: type[Any]
    answer: Any
    paged: bool
    statuses: tuple[int, ...]
    deprecated: bool
    doc: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the path's placeholders."""
        return tuple(
            part.strip("<>").rpartition(":")[2] for part in self.route.path.split("/") if part.startswith("<")
        )


@dataclass(frozen=True, slots=True)
class Paged:
    """A page of a listing, with the cursors of its neighbours for the ``Link`` header."""

    items: Sequence[Any] | CachedResponse  #: or encoded already
    older: int | None = None  #: ``max_id`` of the next page
    first: int | None = None  #: ``min_id`` of the previous one


class Call(Generic[P]):
    """A request to an endpoint, with its parsed parameters and the serialisers that need the site's address."""

    __slots__ = ("base_url", "params", "request")

    def __init__(self, request: Request, params: P) -> None:
        self.request = request
        self.params = params
        self.base_url = request.web.public_url

    @property
    def viewer(self) -> Viewer:
        """The authenticated viewer, at an endpoint that requires one."""
        return self.request.require_viewer()

    @property
    def viewer_or_none(self) -> Viewer | None:
        """The authenticated viewer, or None for an anonymous request."""
        return self.request.viewer

    @property
    def bearer(self) -> Bearer:
        """The access token, at an endpoint that requires one."""
        if self.request.bearer is None:
            raise Unauthenticated(INVALID_TOKEN)
        return self.request.bearer

    def id(self, name: str = "id") -> int:
        """Return an id from the path. Raises NotFound if it is not one."""
        return path_id(self.request, name)

    def arg(self, name: str) -> str:
        """Return a text from the path. Raises NotFound if the database could not store it."""
        text = self.request.path_arg(name)
        if "\x00" in text or len(text) > 2000:
            raise NotFound
        return text

    def account(self, account: Account) -> AccountEntity:
        return entities.account(account, self.base_url)

    def accounts(self, accounts: Iterable[Account]) -> list[AccountEntity]:
        return [entities.account(each, self.base_url) for each in accounts]

    def status(self, post: Post) -> StatusEntity:
        return entities.status(post, self.base_url)

    def statuses(self, posts: Iterable[Post]) -> list[StatusEntity]:
        return [entities.status(each, self.base_url) for each in posts]

    async def filtered_status(self, microblog: Microblog, post: Post) -> StatusEntity:
        """Return a post with the results of the viewer's filters."""
        (entity,) = await self.filtered_statuses(microblog, (post,))
        return entity

    async def filtered_statuses(
        self, microblog: Microblog, posts: Sequence[Post], context: Context | None = None
    ) -> list[StatusEntity]:
        """Return posts with the results of the viewer's filters. Clients hide posts themselves, so none is left out.

        Without a ``context``, all filters apply, and each result names its contexts.
        """
        results = await microblog.filters.results(self.viewer_or_none, posts, context)
        return [entities.status(each, self.base_url, results) for each in posts]

    def paged(self, page: Page[Any], items: Sequence[Any] | CachedResponse) -> Paged:
        """Return a page whose entities are ``items``."""
        # As in Mastodon, a full page has a link to the next one even if that is empty.
        return Paged(items, page.older if page.older is not None else page.last, page.first)

    def paged_accounts(self, page: Page[Account]) -> Paged:
        return self.paged(page, self.accounts(page.items))


class Api:
    """A group of endpoints. ``name`` is unique among all tables of routes; ``about`` is the heading of the group."""

    def __init__(self, name: str, about: str) -> None:
        self.routes = Routes(name, authenticate=authenticate, cors=True, errors=errors.answer)
        self.about = about
        self.endpoints: list[Endpoint] = []

    def get(self, *paths: str, **declaration: Any) -> Callable[[F], F]:
        return self.endpoint("GET", *paths, **declaration)

    def post(self, *paths: str, **declaration: Any) -> Callable[[F], F]:
        return self.endpoint("POST", *paths, **declaration)

    def put(self, *paths: str, **declaration: Any) -> Callable[[F], F]:
        return self.endpoint("PUT", *paths, **declaration)

    def patch(self, *paths: str, **declaration: Any) -> Callable[[F], F]:
        return self.endpoint("PATCH", *paths, **declaration)

    def delete(self, *paths: str, **declaration: Any) -> Callable[[F], F]:
        return self.endpoint("DELETE", *paths, **declaration)

    def endpoint(
        self,
        method: Method,
        *paths: str,
        viewer: ViewerRule = "required",
        params: type[Any] = Nothing,
        answer: Any = Nothing,
        paged: bool = False,
        public: bool = False,
        parse: Callable[[Request, type[Any]], Any] = parameters.parse,
        statuses: tuple[int, ...] = (),
        deprecated: bool = False,
        max_age: int = 0,
        **declaration: Any,
    ) -> Callable[[F], F]:
        """Declare the function below as an endpoint.

        The module's docstring explains the arguments. ``declaration`` is the route's own (``http.routing``). PUT and
        PATCH are declared together, as in Rails: clients use either for an update.
        """

        def declare(function: F) -> F:
            name, doc = function.__name__, (function.__doc__ or "").strip()
            if not doc:
                raise ValueError(f"{name}: an endpoint has a docstring, which describes it.")

            async def page(microblog: Microblog, request: Request) -> Response:
                sent = parse(request, params)
                try:
                    value = await function(microblog, Call(request, sent))
                except InvalidInput as error:
                    error.field = parameters.named(error.field, params)
                    raise
                if isinstance(value, Response):
                    return value
                headers = {}
                if isinstance(value, Paged):
                    if link := _link(request, value):
                        headers["Link"] = link
                    if isinstance(value.items, CachedResponse):
                        return replace(value.items, headers=headers)
                    value = value.items
                return Json(value, headers=headers, public=public, max_age=max_age)

            for verb in _VERBS.get(method, (method,)):
                routes = self.routes.add(
                    page,
                    verb,
                    *paths,
                    name=name if verb == method else f"{name}_by_{verb.lower()}",
                    viewer=viewer,
                    public=public,
                    summary=doc.partition("\n")[0],
                    **declaration,
                )
                self.endpoints.extend(
                    Endpoint(route, name, self.about, params, answer, paged, statuses, deprecated, doc)
                    for route in routes
                )
            return function

        return declare


_CURSORS: Final = frozenset({"max_id", "since_id", "min_id"})


def _link(request: Request, page: Paged) -> str:
    """Return the ``Link`` header (RFC 8288). ``next`` comes first, because some clients read only the first link."""
    base = request.web.public_url + quote(request.path.rstrip("/"), safe="/@:~.,-_")
    others = [(name, value) for name, value in request.query if name not in _CURSORS]
    links = []
    for name, cursor, rel in (("max_id", page.older, "next"), ("min_id", page.first, "prev")):
        if cursor is not None:
            links.append(f'<{base}?{urlencode([*others, (name, cursor)])}>; rel="{rel}"')
    return ", ".join(links)
