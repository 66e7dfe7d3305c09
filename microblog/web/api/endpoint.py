"""What an endpoint is written with::

    api = Api("api.bookmarks", "Bookmarks")

    @api.get("/api/v1/bookmarks", scope="read:bookmarks", params=Paging, answer=list[StatusEntity], paged=True)
    async def bookmarks(microblog: Microblog, call: Call[Paging]) -> Paged:
        \"\"\"Posts that one has bookmarked, the newest bookmark first.\"\"\"
        page = await microblog.timelines.bookmarks(call.viewer, call.params.span)
        return call.paged(page, call.statuses(page.items))

One declaration routes the request, parses its parameters (``parameters``), asks for the token's scope, says how the
answer is cached, and is described at ``/api/openapi.json`` (``openapi``): there is no second list.

``viewer``   ``"required"`` (the default: a token of somebody's), ``"optional"``, ``"app"`` (any token), ``"none"``
``scope``    what the token has to cover, where there is one
``params``   a msgspec Struct; its fields' types, bounds, defaults and descriptions are the parameters
``parse``    how they are read from the request, where OAuth has rules of its own
``answer``   the type of what the function returns: a Struct, ``list[…]``, ``dict[…]``; Nothing for ``{}``
``paged``    the answer is ``call.paged(…)``, with a ``Link`` header
``public``   strangers get an ETag, and 304 when they have it already
``kept``     what strangers get is kept until something happens (``http/page_cache.py``)
``remembered`` who asks may be known from half a second ago: nothing of their own account is in the answer
``text_limit`` bytes of a JSON body or of a form's texts, ``key_limit`` keys or fields (``http/forms.py``)
``statuses`` further HTTP statuses of errors that this endpoint answers with, for the description

The function returns what is to be encoded, a :class:`Paged`, or a whole ``Response``.  It raises the domain's errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from microblog.domain.accounts import Account, Viewer
from microblog.domain.addresses import address_key
from microblog.domain.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from microblog.domain.posts import Page, Post
from microblog.domain.scopes import covers
from microblog.http.forms import KEY_LIMIT, TEXT_LIMIT
from microblog.http.responses import CachedResponse, Json, Response
from microblog.http.route import Method, ViewerRule
from microblog.http.routing import Routes
from microblog.mastodon import entities
from microblog.services.tokens import require_active
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
    "bearer",
    "clamped",
]

P = TypeVar("P")
F = TypeVar("F", bound=Callable[[Any, Any], Awaitable[Any]])

_VERBS: Final[Mapping[Method, tuple[Method, ...]]] = {"PUT": ("PUT", "PATCH"), "PATCH": ("PATCH", "PUT")}
INVALID_TOKEN: Final = "The access token is invalid"  # noqa: S105 - a text that clients compare
OUT_OF_SCOPE: Final = "This action is outside the authorized scopes"
NO_USER: Final = "This method requires an authenticated user"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One declaration, as the description and the tests read it."""

    method: str
    path: str
    name: str
    about: str  #: the name of its group
    scope: str | None
    viewer: ViewerRule
    params: type[Any]
    answer: Any
    paged: bool
    public: bool
    statuses: tuple[int, ...]
    deprecated: bool
    doc: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the path's placeholders."""
        return tuple(
            part.strip("<>").rpartition(":")[2] for part in self.path.split("/") if part.startswith("<")
        )


@dataclass(frozen=True, slots=True)
class Paged:
    """Part of a listing, with what the ``Link`` header says of its neighbours."""

    items: Sequence[Any] | CachedResponse  #: or bytes already
    older: int | None = None  #: ``max_id`` of the next page
    first: int | None = None  #: ``min_id`` of the previous one


class Call(Generic[P]):
    """One call of an endpoint."""

    __slots__ = ("base_url", "params", "request")

    def __init__(self, request: Request, params: P) -> None:
        self.request = request
        self.params = params
        self.base_url = request.web.public_url

    @property
    def viewer(self) -> Viewer:
        """Who asks, at an endpoint that requires somebody."""
        return self.request.require_viewer()

    @property
    def asker(self) -> Viewer | None:
        """Who asks; None for a stranger."""
        return self.request.viewer

    @property
    def bearer(self) -> Bearer:
        """What the token stands for, at an endpoint that requires one."""
        if self.request.bearer is None:
            raise Unauthenticated(INVALID_TOKEN)
        return self.request.bearer

    def id(self, name: str = "id") -> int:
        """The id in the path. Raises NotFound when it can't be one."""
        return path_id(self.request, name)

    def arg(self, name: str) -> str:
        """A text in the path. Raises NotFound when the database could not even be asked for it."""
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

    async def shown(self, microblog: Microblog, post: Post) -> StatusEntity:
        """One post with what the asker's filters say of it."""
        (entity,) = await self.filtered(microblog, (post,))
        return entity

    async def filtered(
        self, microblog: Microblog, posts: Sequence[Post], context: Context | None = None
    ) -> list[StatusEntity]:
        """Posts with what the asker's filters say of them; nothing is left out, programs hide for themselves.

        Without a ``context`` it is what all filters say, wherever they apply: each result names its contexts.
        """
        found = await microblog.filters.results(self.asker, posts, context)
        return [entities.status(each, self.base_url, found) for each in posts]

    def paged(self, page: Page[Any], items: Sequence[Any] | CachedResponse) -> Paged:
        """``items`` are the page's, as they are shown."""
        # As in Mastodon, a full page names a next one even where that is empty.
        return Paged(items, page.older if page.older is not None else page.last, page.first)

    def people(self, page: Page[Account]) -> Paged:
        return self.paged(page, self.accounts(page.items))


class Api:
    """A group of endpoints. ``name`` is unique among all tables of routes, ``about`` its heading."""

    def __init__(self, name: str, about: str) -> None:
        self.routes = Routes(name, authenticate=bearer, cors=True)
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
        scope: str | None = None,
        viewer: ViewerRule = "required",
        params: type[Any] = Nothing,
        answer: Any = Nothing,
        paged: bool = False,
        public: bool = False,
        cached: bool = False,
        remembered: bool = False,
        limit: str | None = "",
        text_limit: int = TEXT_LIMIT,
        key_limit: int = KEY_LIMIT,
        parse: Callable[[Request, type[Any]], Any] = parameters.parse,
        statuses: tuple[int, ...] = (),
        deprecated: bool = False,
        max_age: int = 0,
    ) -> Callable[[F], F]:
        """Declare the function below as an endpoint; the module's docstring explains the arguments.

        PUT and PATCH are one verb here, as they are wherever Rails routes an update: each is declared with the other.
        """

        def declare(function: F) -> F:
            doc = (function.__doc__ or "").strip()
            if not doc:
                raise ValueError(f"{function.__name__}: an endpoint has a docstring, which describes it.")

            async def page(microblog: Microblog, request: Request) -> Response:
                given = parse(request, params)
                try:
                    found = await function(microblog, Call(request, given))
                except InvalidInput as error:
                    error.field = parameters.named(error.field, params)
                    raise
                if isinstance(found, Response):
                    return found
                headers = {}
                if isinstance(found, Paged):
                    if link := _link(request, found):
                        headers["Link"] = link
                    if isinstance(found.items, CachedResponse):
                        return replace(found.items, headers=headers)
                    found = found.items
                return Json(found, headers=headers, public=public, max_age=max_age)

            for verb, path in product(_VERBS.get(method, (method,)), paths):
                self.endpoints.append(
                    Endpoint(
                        method=verb,
                        path=path,
                        name=function.__name__,
                        about=self.about,
                        scope=scope,
                        viewer=viewer,
                        params=params,
                        answer=answer,
                        paged=paged,
                        public=public,
                        statuses=statuses,
                        deprecated=deprecated,
                        doc=doc,
                    )
                )
            for verb in _VERBS.get(method, (method,)):
                self.routes.route(
                    verb,
                    *paths,
                    name=function.__name__ + ("" if verb == method else f"_by_{verb.lower()}"),
                    viewer=viewer,
                    scope=scope,
                    limit=limit,
                    text_limit=text_limit,
                    key_limit=key_limit,
                    public=public,
                    cached=cached,
                    remembered=remembered,
                    summary=doc.partition("\n")[0],
                )(page)
            return function

        return declare


async def bearer(microblog: Microblog, request: Request) -> Viewer | None:
    """Who asks, by the header ``Authorization: Bearer …`` (RFC 6750, 2.1); and whether the token may.

    Tokens in an address end up in logs and are not taken (RFC 9700, 4.3.2).  Raises Unauthenticated for a token that
    is void or missing, Forbidden for one without the route's scope, InvalidInput for an app's where somebody's is
    needed.
    """
    try:
        return await _bearer(microblog, request)
    except (Unauthenticated, Forbidden, InvalidInput):
        # Asking with bad tokens is limited as well, by where it comes from.
        request.limit_state = request.web.limits.spend("read", address_key(request.remote_address))
        raise


async def _bearer(microblog: Microblog, request: Request) -> Viewer | None:
    route = request.route
    kind, _, token = (request.header("authorization") or "").partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token:
        if route.viewer in ("required", "app"):
            raise Unauthenticated(INVALID_TOKEN)
        return None
    found = request.bearer = await microblog.tokens.bearer(token, remembered=route.remembered)
    request.personal = True
    if found is None:
        raise Unauthenticated(INVALID_TOKEN)
    require_active(found)
    if route.scope is not None and not covers(found.scopes, route.scope):
        raise Forbidden(OUT_OF_SCOPE)
    if found.viewer is None and route.viewer == "required":
        raise InvalidInput(NO_USER)
    return found.viewer


_CURSORS: Final = frozenset({"max_id", "since_id", "min_id"})


def _link(request: Request, page: Paged) -> str:
    """RFC 8288; ``next`` comes first, as some clients read no further."""
    base = request.web.public_url + quote(request.path.rstrip("/"), safe="/@:~.,-_")
    kept = [(name, value) for name, value in request.query if name not in _CURSORS]
    links = []
    for name, cursor, rel in (("max_id", page.older, "next"), ("min_id", page.first, "prev")):
        if cursor is not None:
            links.append(f'<{base}?{urlencode([*kept, (name, cursor)])}>; rel="{rel}"')
    return ", ".join(links)
