"""A request as pages use it: a thin wrapper around Twisted's that parses lazily.

::

    request.path_arg("name")        the value of <name> in the route's path, decoded
    request.query                   Fields of the query string:   .get("q"), .all("tag"), .flag("replies")
    request.form                    Fields of the body, urlencoded or multipart:   .text("body"), .files
    request.json()                  the body as plain Python values;   request.json(Struct)   as that type
    request.body                    the body's bytes; empty for GET and HEAD
    request.header("Accept")        a header or None
    request.cookies                 the cookies by name;   request.set_cookie(…),   request.clear_cookie(…)
    request.viewer                  the authenticated viewer, or None for an anonymous request
    request.require_viewer()        the viewer; raises Unauthenticated for an anonymous request
    request.remote_address          the client's address; forwarded ones only from configured proxies
    request.is_fragment             the site's script asks for a fragment (header X-Fragment)
    request.wants_json              an API path, or Accept asks for JSON first
    request.path, .method, .id      decoded path, "GET", an id on every log line of this request
    request.address                 path and query of this request, escaped, for links that lead back here
    request.csrf_token              for <input name="csrf_token">; templates have it as {{ csrf_token() }}
    request.sign_in(token)          sets the session cookie;   request.sign_out()   removes it
    request.session_token           the session cookie's value, or None
    request.flash("Saved.")         a message that the next page shows
    request.render(name, **values)  -> Html from a template, with viewer, request, flashes, csrf_token
    request.spend(kind, key)        spends from a further rate limit: request.spend("login", f"account:{name}")
    request.may_spend(kind, key)    the same, but returns False when the limit is reached
    request.services                the object that the table of routes was bound to
    request.shared                  the object that the pages of the table share, given to ``bind``
    request.web                     the objects that all pages share (context.WebContext): public_url, templates …

Everything is synchronous: the whole body has arrived before a page runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from microblog.domain.errors import RateLimited, Unauthenticated
from microblog.http import forms
from microblog.http.csrf import FIELD
from microblog.http.flashes import Flashes
from microblog.http.page_cache import PageKey
from microblog.http.responses import Html

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.domain.oauth import Bearer
    from microblog.http.context import WebContext
    from microblog.http.http_request import HTTPRequest
    from microblog.http.route import Route

FRAGMENT_HEADER = b"x-fragment"
#: Headers whose value is a list: several lines of them count as one (RFC 9110, section 5.3).
LIST_HEADERS = frozenset({
    "accept", "accept-encoding", "accept-language", "connection", "forwarded", "if-none-match",
    "sec-websocket-protocol", "upgrade", "via", "x-forwarded-for",
})  # fmt: skip


class Request:
    """A request (see the module's docstring).  Properties raise InvalidInput or MalformedRequest on bad input."""

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
        "session_ended",
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
        #: whether the request has a session cookie whose session has ended
        self.session_ended = False
        #: the owner and scopes of the access token of an API request
        self.bearer: Bearer | None = None
        #: whether the answer depends on the viewer or browser; such an answer is never cached
        self.personal = False
        self.cookies_out: list[str] = []
        self.limit_state: tuple[int, int, float] | None = None
        self._args = args
        self._cookies: dict[str, str] | None = None
        self._flashes: list[str] | None = None
        self._form: forms.Fields | None = None
        self._query: forms.Fields | None = None
        self._remote_address: str | None = None

    # -- the request's content --------------------------------------------------------------------------------

    def path_arg(self, name: str) -> str:
        """Return the value of a placeholder in the route's path."""
        return self._args[name]

    def header(self, name: str) -> str | None:
        """Return a header: all lines of one that is a list (RFC 9110, section 5.3), else the last line."""
        values = self.raw.requestHeaders.getRawHeaders(name.encode("ascii"))
        if not values:
            return None
        value = b", ".join(values) if len(values) > 1 and name.lower() in LIST_HEADERS else values[-1]
        return value.decode("utf-8", "replace")

    @property
    def query(self) -> forms.Fields:
        """The fields of the query string.

        :raises MalformedRequest: the query is not UTF-8, or has too many fields.
        """
        if self._query is None:
            _, _, text = self.raw.uri.partition(b"?")
            self._query = forms.urlencoded(text)
        return self._query

    @property
    def address(self) -> str:
        """The path and query of this request as one escaped relative address, for links that lead back."""
        try:
            query = urlencode(list(self.query))
        except forms.MalformedRequest:
            query = ""
        return quote(self.path, safe="/@:!$&'()*+,;=~") + (f"?{query}" if query else "")

    @property
    def body(self) -> bytes:
        """The body's bytes; empty for GET and HEAD, whose bodies have no meaning (RFC 9110, sections 9.3.1 and 9.3.2).

        The page cache and every cache on the way identify an answer by its address alone. If a body could change the
        answer, a client could replace the answer that other clients get.
        """
        return b"" if self.method in ("GET", "HEAD") else self.raw.body()

    @property
    def form(self) -> forms.Fields:
        """The fields of the body; none when there is no body.

        :raises MalformedRequest: the body is broken multipart, not UTF-8, or has too many fields.
        :raises TooLarge: the texts exceed the route's ``text_limit``.
        """
        if self._form is None:
            self._form = forms.parse(
                self.header("content-type") or "",
                self.body,
                text_limit=self.route.text_limit,
                key_limit=self.route.key_limit,
            )
        return self._form

    def json(self, shape: Any = Any) -> Any:
        """Return the decoded JSON body; a byte order mark before it is ignored (RFC 8259, section 8.1).

        :raises MalformedRequest: the body is not JSON.
        :raises InvalidInput: the body does not have the type ``shape``.
        :raises TooLarge: the body exceeds the route's ``text_limit``.
        """
        return forms.parse_json(self.body, shape, self.route.text_limit)

    @property
    def remote_address(self) -> str:
        """The client's address as text, or "unix" for a Unix socket without a trusted proxy."""
        if self._remote_address is None:
            peer = getattr(self.raw.getClientAddress(), "host", None) or "unix"
            self._remote_address = self.web.proxies.client(peer, self.header("x-forwarded-for"))
        return self._remote_address

    @property
    def is_fragment(self) -> bool:
        return self.raw.requestHeaders.hasHeader(FRAGMENT_HEADER)

    @property
    def is_prefetch(self) -> bool:
        """Whether the browser loads the page in advance (``Sec-Purpose``, Fetch; older: ``Purpose``)."""
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

    # -- the viewer and the session ---------------------------------------------------------------------------

    def require_viewer(self) -> Viewer:
        """Return the viewer.

        :raises Unauthenticated: the request is anonymous. The answer sends browsers to the log-in page and back.
        """
        if self.viewer is None:
            raise Unauthenticated("You need to log in for that.")
        return self.viewer

    @property
    def session_token(self) -> str | None:
        return self.web.cookies.session(self.cookies)

    def sign_in(self, token: str) -> None:
        """Set the session cookie. ``token`` has to be new at each log-in.

        The visitor cookie stays, because log-in forms in other tabs carry its token.
        """
        self.personal = True
        self.cookies_out.append(self.web.cookies.set_session(token, self.web.session_seconds))
        # Forms of this answer belong to the new session.
        self.cookies[self.web.cookies.session_name] = token
        self.session_ended = False

    def prolong_session(self, token: str) -> None:
        """Set the session cookie again, so that it lasts as long as the prolonged session."""
        self.personal = True
        self.cookies_out.append(self.web.cookies.set_session(token, self.web.session_seconds))

    def remember_browser(self, account_id: int) -> None:
        """Record in a cookie that the account has logged in with this browser (``known_browsers``)."""
        browsers = self.web.browsers
        self.cookies_out.append(browsers.remember(browsers.read(self.cookies), account_id))

    def sign_out(self) -> None:
        """Remove the session cookie."""
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

    @property
    def theme(self) -> str:
        """The theme that the visitor chose: "light", "dark", or "" for the system's."""
        theme = self.cookies.get("theme", "")
        return theme if theme in ("light", "dark") else ""

    def set_cookie(self, name: str, value: str, max_age: int, *, readable: bool = False) -> None:
        """Set a cookie that is not a secret.  ``readable``: scripts of the site may read it."""
        self.personal = True
        self.cookies_out.append(self.web.cookies.plain(name, value, max_age, readable=readable))

    def clear_cookie(self, name: str) -> None:
        self.set_cookie(name, "", 0)

    def flash(self, text: str, undo: str | None = None) -> None:
        """Show ``text`` once, on the next page.  ``undo``: the path of a form that reverts the action."""
        self.personal = True
        if undo is not None:
            text = f"{text}\n{undo}"
        self._flashes = [*self.flashes, text]
        self.cookies_out.append(self.web.cookies.set_flashes(self._flashes))

    @property
    def flashes(self) -> list[str]:
        """The flash messages of earlier requests, oldest first."""
        if self._flashes is None:
            self._flashes = self.web.cookies.flashes(self.cookies)
        return self._flashes

    def take_flashes(self) -> list[str]:
        """Return the flash messages and remove them."""
        texts = self.flashes
        if texts:
            self.personal = True
            self.cookies_out.append(self.web.cookies.clear_flashes())
            self._flashes = []
        return texts

    @property
    def csrf_token(self) -> str:
        """A token for the forms of this answer: bound to the session or visitor, with a fresh mask each time."""
        self.personal = True
        session = None if self.session_ended else self.session_token
        token, cookie = self.web.csrf.issue(self.cookies, session)
        if cookie is not None:
            self.cookies_out.append(cookie)
            # Further forms of this answer belong to the same visitor.
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return token

    def check_csrf(self) -> None:
        """Check that the form comes from a page that this site sent to this browser.

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
            allow_visitor=not session or self.session_ended or self.route.allows_anonymous,
        )

    def spend(self, kind: str, key: str) -> None:
        """Take one token from the rate limit ``kind`` of ``key``, such as ``account:12``.

        :raises RateLimited: the limit is reached.
        """
        self.web.limits.spend(kind, key)

    def may_spend(self, kind: str, key: str) -> bool:
        """Take one token as ``spend`` does; return False when the limit is reached."""
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
        """Return the template ``name`` as an answer.

        It sees ``values``, ``viewer``, ``request``, ``flashes``, ``csrf_token()`` and the templates' globals.
        """
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
            flashes=Flashes(self.take_flashes),
            csrf_token=lambda: self.csrf_token,
        )

    @property
    def page_key(self) -> PageKey:
        """The key of the answer in the page cache. Raises MalformedRequest for a broken query."""
        return PageKey(self.path, tuple(self.query), self.theme, self.is_fragment, self.wants_json)


_JSON_PATHS = ("/api/", "/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/.well-known/", "/nodeinfo/")
