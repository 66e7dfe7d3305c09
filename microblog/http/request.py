"""One request, as a page sees it: a thin wrapper around Twisted's, read lazily.

A page gets::

    request.path_arg("name")        what stands for <name> in the route's path, decoded
    request.query                   Fields of the query string:   .get("q"), .all("tag"), .flag("replies")
    request.form                    Fields of the body, urlencoded or multipart:   .text("body"), .files
    request.json()                  the body as plain Python values;   request.json(Struct)   as that type
    request.body                    the body's bytes; empty for GET and HEAD
    request.header("Accept")        a header or None
    request.cookie("theme")         a cookie or None;   request.set_cookie(…),   request.clear_cookie(…)
    request.viewer                  who asks (domain Viewer), or None
    request.require_viewer()        who asks, or raises Unauthenticated
    request.remote_address          the client's address; forwarded ones only from configured proxies
    request.is_fragment             the page's own script asks for a fragment (header X-Fragment)
    request.wants_json              an API path, or Accept asks for JSON first
    request.path, .method, .id      decoded path, "GET", an id that is on every log line of this request
    request.address                 path and query of this request, escaped, for links that lead back here
    request.csrf_token              for <input name="csrf_token">; templates have it as {{ csrf_token() }}
    request.sign_in(token)          sets the session cookie;   request.sign_out()   removes it
    request.session_token           the session cookie's value, or None
    request.flash("Saved.")         a message that the next page shows
    request.render(name, **values)  -> Html from a template, with viewer, request, flashes, csrf_token
    request.spend(kind, key)        takes one from a further limit: request.spend("login", f"account:{name}")
    request.may_spend(kind, key)    the same as a question: False when there is none left
    request.services                the object that the table of routes was bound to
    request.shared                  the object that the pages of the table share, given to ``bind``
    request.web                     what all pages share (context.WebContext): public_url, templates, limits …

All of it is synchronous: when a page runs, the body has arrived, within its cap.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload
from urllib.parse import quote, urlencode

import msgspec

from microblog.domain.errors import InvalidInput, RateLimited, Unauthenticated
from microblog.http import forms
from microblog.http.csrf import FIELD
from microblog.http.page_cache import PageKey
from microblog.http.responses import Html

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.domain.oauth import Bearer
    from microblog.http.context import WebContext
    from microblog.http.http_request import HTTPRequest
    from microblog.http.route import Route

T = TypeVar("T")

FRAGMENT_HEADER = b"x-fragment"
#: Headers whose value is a list, and which may so come in several lines that are one.
LISTS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "forwarded",
        "if-none-match",
        "sec-websocket-protocol",
        "upgrade",
        "via",
        "x-forwarded-for",
    }
)


class Request:
    """See the module's docstring.  Properties raise InvalidInput (422) or MalformedRequest (400) on bad input."""

    __slots__ = (
        "_args",
        "_cookies",
        "_flashes",
        "_form",
        "_query",
        "_remote_address",
        "bearer",
        "cookies_out",
        "id",
        "limit_state",
        "method",
        "path",
        "personal",
        "raw",
        "route",
        "services",
        "session_void",
        "shared",
        "viewer",
        "web",
    )

    def __init__(
        self,
        raw: HTTPRequest,
        web: WebContext,
        route: Route,
        services: Any,
        shared: Any,
        args: dict[str, str],
        identifier: str,
    ) -> None:
        self.raw = raw
        self.web = web
        self.route = route
        self.services = services
        self.shared = shared
        self.id = identifier
        self.method: str = raw.method.decode("ascii")
        self.path: str = raw.decoded_path
        self.viewer: Viewer | None = None
        #: the session cookie was looked up, and its session has ended
        self.session_void = False
        #: what the access token stands for that came with an API's request
        self.bearer: Bearer | None = None
        #: True as soon as the answer depends on who asks: it is then never stored by anyone
        self.personal = False
        self.cookies_out: list[str] = []
        self.limit_state: tuple[int, int, float] | None = None
        self._args = args
        self._cookies: dict[str, str] | None = None
        self._flashes: list[str] | None = None
        self._form: forms.Fields | None = None
        self._query: forms.Fields | None = None
        self._remote_address: str | None = None

    # -- what was asked ---------------------------------------------------------------------------------------

    def path_arg(self, name: str) -> str:
        return self._args[name]

    def header(self, name: str) -> str | None:
        """Return a header: all lines of one that is a list (RFC 9110, section 5.3), else the last line."""
        values = self.raw.requestHeaders.getRawHeaders(name.encode("ascii"))
        if not values:
            return None
        value = b", ".join(values) if len(values) > 1 and name.lower() in LISTS else values[-1]
        return value.decode("utf-8", "replace")

    @property
    def query(self) -> forms.Fields:
        """:raises MalformedRequest: not UTF-8, or too many fields."""
        if self._query is None:
            _, _, text = self.raw.uri.partition(b"?")
            self._query = forms.urlencoded(text)
        return self._query

    @property
    def address(self) -> str:
        """Path and query of this request as one relative address, escaped anew; for links that lead back here."""
        try:
            query = urlencode(list(self.query))
        except forms.MalformedRequest:
            query = ""
        return quote(self.path, safe="/@:!$&'()*+,;=~") + (f"?{query}" if query else "")

    @property
    def body(self) -> bytes:
        """The body's bytes; empty for GET and HEAD, whose bodies mean nothing (RFC 9110, sections 9.3.1 and 9.3.2).

        The page cache and every cache on the way know an answer by its address alone.  If a body could change the
        answer, one client could put its own answer in front of everyone else.
        """
        return b"" if self.method in ("GET", "HEAD") else self.raw.body()

    @property
    def form(self) -> forms.Fields:
        """The body's fields; empty when there is no body.

        :raises MalformedRequest: broken multipart, not UTF-8, too many fields.
        :raises TooLarge: a field or a part above its cap.
        """
        if self._form is None:
            self._form = forms.parse(
                self.header("content-type") or "",
                self.body,
                text_limit=self.route.text_limit,
                key_limit=self.route.key_limit,
            )
        return self._form

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, shape: type[T]) -> T: ...
    def json(self, shape: Any = Any) -> Any:
        """Return the body, decoded; a byte order mark before it is ignored (RFC 8259, section 8.1).

        :raises MalformedRequest: it is no JSON.
        :raises InvalidInput: it is not of that shape.
        :raises TooLarge: it is longer than the route's ``text_limit``.
        """
        body = self.body
        forms.check_size(len(body), self.route.text_limit)
        try:
            return msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8), type=shape)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"The JSON does not fit: {error}.") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise forms.MalformedRequest("The body is not valid JSON.") from error

    @property
    def remote_address(self) -> str:
        """The client's address as text; "unix" for a Unix socket without a trusted proxy in front."""
        if self._remote_address is None:
            peer = getattr(self.raw.getClientAddress(), "host", None) or "unix"
            self._remote_address = self.web.proxies.client(peer, self.header("x-forwarded-for"))
        return self._remote_address

    @property
    def is_fragment(self) -> bool:
        return self.raw.requestHeaders.hasHeader(FRAGMENT_HEADER)

    @property
    def is_prefetch(self) -> bool:
        """Whether the browser asks before anyone wants to see the page (``Sec-Purpose``, Fetch; older: ``Purpose``)."""
        return any(
            (self.header(name) or "").lower().startswith(("prefetch", "prerender", "preview"))
            for name in ("sec-purpose", "purpose", "x-purpose", "x-moz")
        )

    @property
    def wants_json(self) -> bool:
        if self.route.program or self.path.startswith(_JSON_PATHS):
            return True
        accept = self.header("accept") or ""
        return accept.startswith("application/json") or (
            "json" in accept and "text/html" not in accept and "*/*" not in accept
        )

    # -- who asks ---------------------------------------------------------------------------------------------

    def require_viewer(self) -> Viewer:
        """:raises Unauthenticated: nobody is logged in.  A browser is then sent to the log-in page and back."""
        if self.viewer is None:
            raise Unauthenticated("You need to log in for that.")
        return self.viewer

    @property
    def session_token(self) -> str | None:
        return self.web.cookies.session(self.cookies)

    def sign_in(self, token: str) -> None:
        """Set the session cookie.  ``token`` is new at each log-in: nothing is kept.

        The visitor cookie stays: log-in forms that are open in other tabs carry its token.
        """
        self.personal = True
        self.cookies_out.append(self.web.cookies.set_session(token, self.web.session_seconds))
        # Forms of this very answer belong to the new session.
        self.cookies[self.web.cookies.session_name] = token
        self.session_void = False

    def prolong_session(self, token: str) -> None:
        """Set the cookie of a session that goes on once more, so that it lasts as long as the session."""
        self.personal = True
        self.cookies_out.append(self.web.cookies.set_session(token, self.web.session_seconds))

    def remember_browser(self, account_id: int) -> None:
        """Note in the browser that the account has logged in there (``known_browsers``)."""
        browsers = self.web.browsers
        self.cookies_out.append(browsers.remember(browsers.read(self.cookies), account_id))

    def sign_out(self) -> None:
        self.personal = True
        self.cookies_out.append(self.web.cookies.clear_session())

    # -- cookies, messages, tokens ----------------------------------------------------------------------------

    @property
    def cookies(self) -> dict[str, str]:
        if self._cookies is None:
            received = self.raw.received_cookies
            self._cookies = (
                {name.decode("latin-1"): value.decode("latin-1") for name, value in received.items()}
                if received
                else {}
            )
        return self._cookies

    def cookie(self, name: str) -> str | None:
        return self.cookies.get(name)

    @property
    def theme(self) -> str:
        """The theme that the visitor chose: "light", "dark", or "" for the system's."""
        theme = self.cookie("theme") or ""
        return theme if theme in ("light", "dark") else ""

    def set_cookie(self, name: str, value: str, max_age: int, *, readable: bool = False) -> None:
        """A cookie of a page's own (never a secret).  ``readable``: the site's script may read it."""
        self.personal = True
        self.cookies_out.append(self.web.cookies.plain(name, value, max_age, readable=readable))

    def clear_cookie(self, name: str) -> None:
        self.set_cookie(name, "", 0)

    def flash(self, text: str, undo: str | None = None) -> None:
        """Show ``text`` once, on the next page.  ``undo``: the path of a form that takes back what was done."""
        self.personal = True
        if undo is not None:
            text = f"{text}\n{undo}"
        self._flashes = [*self.flashes, text]
        self.cookies_out.append(self.web.cookies.set_flashes(self._flashes))

    @property
    def flashes(self) -> list[str]:
        """Messages that an earlier request left, in order."""
        if self._flashes is None:
            self._flashes = self.web.cookies.flashes(self.cookies)
        return self._flashes

    def take_flashes(self) -> list[str]:
        """The same, and they are not shown again."""
        texts = self.flashes
        if texts:
            self.personal = True
            self.cookies_out.append(self.web.cookies.clear_flashes())
            self._flashes = []
        return texts

    @property
    def csrf_token(self) -> str:
        """A token for this answer's forms: bound to the session (or visitor), masked anew each time."""
        self.personal = True
        session = None if self.session_void else self.session_token
        token, cookie = self.web.csrf.issue(self.cookies, session)
        if cookie is not None:
            self.cookies_out.append(cookie)
            # Further forms of this answer, and the check of this very request, see the same visitor.
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return token

    def check_csrf(self) -> None:
        """Check that the form comes from a page of this site that this browser got.

        :raises Forbidden: another site sent the form.
        :raises FormExpired: its token is not of this browser's session.
        """
        csrf = self.web.csrf
        csrf.check_origin(self.header)
        session = self.session_token
        csrf.check_token(
            self.form.get(FIELD),
            self.cookies,
            session,
            allow_visitor=not session or self.session_void or self.route.for_strangers,
        )

    def spend(self, kind: str, key: str) -> None:
        """:raises RateLimited: too often.  ``key`` says who: ``account:12``, ``mail:bob@example.org``."""
        self.web.limits.spend(kind, key)

    def may_spend(self, kind: str, key: str) -> bool:
        """The same, where nobody is to be told that it was too often."""
        try:
            self.spend(kind, key)
        except RateLimited:
            return False
        return True

    # -- answers ----------------------------------------------------------------------------------------------

    def render(
        self,
        name: str,
        /,
        *,
        status: int = 200,
        public: bool = False,
        max_age: int = 0,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> Html:
        """The template ``name`` as an answer.  It sees ``values`` and ``viewer``, ``request``, ``flashes``,
        ``csrf_token()`` and the templates' globals."""
        return Html(
            self.render_text(name, values),
            status=status,
            public=public,
            max_age=max_age,
            headers=headers or {},
        )

    def render_text(self, name: str, values: Mapping[str, object]) -> str:
        """Return the template ``name`` as text, with the same values as ``render``."""
        return self.web.templates.render(
            name,
            values,
            request=self,
            viewer=self.viewer,
            flashes=_Flashes(self.take_flashes),
            csrf_token=lambda: self.csrf_token,
        )

    @property
    def page_key(self) -> PageKey:
        """The key of the answer in the page cache. Raises MalformedRequest for a broken query."""
        return PageKey(self.path, tuple(self.query), self.theme, self.is_fragment, self.wants_json)


class _Flashes:
    """Iterable once; asking for them is what takes them, so that a page that shows none keeps them for the next."""

    __slots__ = ("_take_flashes", "_texts")

    def __init__(self, take_flashes: Callable[[], list[str]]) -> None:
        self._take_flashes = take_flashes
        self._texts: list[str] | None = None

    def _take(self) -> list[str]:
        if self._texts is None:
            self._texts = self._take_flashes()
        return self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._take())

    def __bool__(self) -> bool:
        return bool(self._take())

    def __len__(self) -> int:
        return len(self._take())


_JSON_PATHS = ("/api/", "/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/.well-known/", "/nodeinfo/")
