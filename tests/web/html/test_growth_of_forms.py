"""Twice the text costs at most about twice the work, in each field of each form and each query of a page."""

from __future__ import annotations

from urllib.parse import urlencode

from microblog.domain.filters import Context
from microblog.domain.posts import Draft
from microblog.http.forms import POST_TEXT_LIMIT, TEXT_LIMIT
from microblog.services.filters import KeywordChange
from tests.growth import too_costly
from tests.http.client import Client
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_hostile_input import FORMS, QUERIES, STRANGERS

_WRITES_POSTS = {"/posts", "/posts/{post}/edit"}


async def gaps(html_site: HtmlSite) -> tuple[Client, dict[str, int]]:
    """Ann's browser, and the ids that the addresses want."""
    ann = await html_site.person("ann")
    await html_site.person("bob")
    microblog = html_site.microblog
    post = await microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    chosen = await microblog.lists.create(ann.viewer, "Friends")
    filtered = await microblog.filters.create(
        ann.viewer, "Later", [Context.HOME], keywords=[KeywordChange("spoiler")]
    )
    return ann.browser, {"post": post.id, "list": chosen.id, "filter": filtered.id}


async def test_no_field_of_a_form_costs_more_than_its_length(html_site: HtmlSite) -> None:
    ann, ids = await gaps(html_site)
    stranger = html_site.stranger()
    await ann.csrf_from("/settings")
    await stranger.csrf_from("/login")
    wrong = []
    for path, sound in {**FORMS, **STRANGERS}.items():
        browser = ann if path in FORMS else stranger
        # "next" and the like are refused by their length; with it, a log-in would end the session.
        for name in sound:

            async def send(
                text: str,
                browser: Client = browser,
                path: str = path,
                sound: dict[str, str] = sound,
                name: str = name,
            ) -> None:
                form = {**sound, "key": "", name: text}
                page = await browser.request("POST", path.format(**ids), form=form, files={})
                assert page.status in (200, 303, 400, 401, 404, 413, 422, 429), (
                    f"{path} {name}: {page.status}"
                )

            limit = POST_TEXT_LIMIT if path in _WRITES_POSTS else TEXT_LIMIT
            wrong += [f"{path} {name}: {each}" for each in await too_costly(send, limit - 2000)]
    assert not wrong, "\n".join(wrong)


async def test_no_query_of_a_page_costs_more_than_its_length(html_site: HtmlSite) -> None:
    ann, ids = await gaps(html_site)
    wrong = []
    for path, names in QUERIES.items():
        for name in names:

            async def send(text: str, path: str = path, name: str = name) -> None:
                page = await ann.get(f"{path.format(**ids)}?{urlencode({name: text})}")
                assert page.status < 500, f"{path} {name}"

            wrong += [f"{path} {name}: {each}" for each in await too_costly(send, 2300)]
    assert not wrong, "\n".join(wrong)
