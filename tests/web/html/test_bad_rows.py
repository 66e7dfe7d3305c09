"""Pages that have a row which can't be read show everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from tests.web.api.api_site import ALL, ApiSite
from tests.web.html.html_site import HtmlSite

BAD: list[Any] = [
    "text",
    {"a": 1},
    [1, "x", None, [], {}],
    [{"id": "1", "name": "ann"}, {"id": 1, "name": 5}],
    [{"id": 1, "name": "ann", "domain": 5}, {"name": "x", "value": None, "html": 3}],
    [{"name": "x", "value": "y", "html": "z", "verified_at": "never"}],
]

PAGES = [
    "/", "/public", "/@ann", "/@bob", "/@ann/{bad}", "/@bob/{good}", "/tags/tea", "/notifications", "/conversations",
    "/search?q=tea", "/favourites", "/bookmarks", "/explore", "/@ann/followers", "/@bob/following",
    "/@ann.rss", "/@ann.atom", "/public.rss",
]  # fmt: skip

API = [
    "/api/v1/timelines/public", "/api/v1/accounts/{ann}", "/api/v1/accounts/{ann}/statuses",
    "/api/v1/statuses/{bad}", "/api/v1/statuses/{bad}/context", "/api/v1/statuses/{good}/context",
    "/api/v1/timelines/tag/tea", "/api/v1/directory", "/api/v1/trends/statuses",
    "/api/v1/timelines/home", "/api/v1/notifications", "/api/v2/notifications", "/api/v1/conversations",
    "/api/v2/search?q=tea", "/api/v1/favourites", "/api/v1/bookmarks", "/api/v1/accounts/verify_credentials",
    "/api/v1/accounts/{ann}/followers", "/api/v1/suggestions",
]  # fmt: skip


@pytest.mark.parametrize("content", BAD, ids=repr)
async def test_a_bad_json_column_breaks_no_page(html_site: HtmlSite, content: Any, reactor_: Any) -> None:
    api_site = ApiSite(html_site.microblog, reactor_)
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    posts = html_site.microblog.posts
    bad = await posts.publish(ann.viewer, Draft("@bob the bad one #tea"))
    good = await posts.publish(bob.viewer, Draft("@ann the good one #tea", reply_to_id=bad.id))
    await posts.publish(bob.viewer, Draft("another good one #tea"))
    await posts.publish(ann.viewer, Draft("@bob a letter", visibility=Visibility.DIRECT))
    await posts.favourite(bob.viewer, bad.id)
    await posts.bookmark(bob.viewer, bad.id)
    await html_site.microblog.follows.follow(bob.viewer, ann.viewer.id)
    async with html_site.microblog.db.transaction() as tx:
        written = json.dumps(content)
        await tx.run("UPDATE posts SET mentions = %s::jsonb WHERE author_id = %s", (written, ann.viewer.id))
        if isinstance(content, list):
            await tx.run("UPDATE accounts SET fields = %s::jsonb WHERE id = %s", (written, ann.viewer.id))
    for reader in (html_site.stranger(), ann, bob):
        for page in PAGES:
            address = page.format(bad=bad.id, good=good.id, ann=ann.viewer.id)
            shown = await reader.get(address)
            assert shown.status < 500, address
            if address in ("/public", f"/@bob/{good.id}", "/tags/tea"):
                assert "good one" in shown.text, address
    for program in (await api_site.other(ann.viewer, ALL), await api_site.other(bob.viewer, ALL)):
        for page in API:
            address = page.format(bad=bad.id, good=good.id, ann=ann.viewer.id)
            answer = await program.get(address)
            assert answer.status < 400, (address, answer.text)
            if address in ("/api/v1/timelines/public", f"/api/v1/statuses/{good.id}/context"):
                assert "the bad one" in answer.text, address
