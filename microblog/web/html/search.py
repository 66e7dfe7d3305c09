"""Search for accounts, hashtags and posts, and its OpenSearch description for browsers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from microblog.domain.filters import Context
from microblog.http.responses import Document, Redirect, Response
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.domain.filters import FilterResult
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("search")

#: characters of a query; the rest is ignored
MAX_QUERY: Final = 2048


@routes.get("/search", limit="search")
async def search(microblog: Microblog, request: Request) -> Response:
    """Search for ``q``. The address of an account or a post of this site redirects to it."""
    query = " ".join(request.query.text("q").split())[:MAX_QUERY]
    if query:
        target = await microblog.addresses.find(request.viewer, query)
        if target is not None:
            return Redirect(target.path)
    results = await microblog.search.find(request.viewer, query, span_of(request)) if query else None
    filtered: dict[int, tuple[FilterResult, ...]] = {}
    if results is not None:
        posts, filtered = await microblog.filters.applied(request.viewer, results.posts, Context.PUBLIC)
        results = replace(results, posts=posts)
    return request.render("pages/search.html", query=query, results=results, filtered=filtered, public=True)


@routes.get("/opensearch.xml", viewer="none", public=True)
async def description(microblog: Microblog, request: Request) -> Response:
    """Return the OpenSearch 1.1 description, by which a browser offers to search this site."""
    config = microblog.config
    template = quoteattr(f"{config.public_url}/search?q={{searchTerms}}")
    return Document(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        f"<ShortName>{escape(config.site_name[:16])}</ShortName>"
        f"<Description>{escape(config.site_description or config.site_name)}</Description>"
        f'<InputEncoding>UTF-8</InputEncoding><Url type="text/html" template={template}/>'
        "</OpenSearchDescription>\n",
        "application/opensearchdescription+xml; charset=utf-8",
        public=True,
        max_age=86_400,
    )
