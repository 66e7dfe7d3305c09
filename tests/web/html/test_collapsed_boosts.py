"""A post and its boosts are one entry on home and in lists, with everyone who boosted it."""

from __future__ import annotations

import pytest

from microblog.domain.posts import Draft, Span
from tests.web.html.html_site import HtmlSite

NAMES = ("bob", "carl", "dana", "ines")


@pytest.mark.parametrize(
    ("boosted_by", "line"),
    [
        ((), None),
        (("ines",), "ines boosted"),
        (("carl", "ines"), "ines and 1 other boosted"),
        (("carl", "dana", "ines"), "ines and 2 others boosted"),
    ],
)
@pytest.mark.parametrize("where", ["home", "list"])
async def test_boosts_of_one_post_are_one_entry(
    html_site: HtmlSite, boosted_by: tuple[str, ...], line: str | None, where: str
) -> None:
    microblog = html_site.microblog
    ann = await html_site.person("ann")
    people = {name: await html_site.person(name) for name in NAMES}
    chosen = await microblog.lists.create(ann.viewer, "Friends")
    for person in people.values():
        await microblog.follows.follow(ann.viewer, person.viewer.id)
    await microblog.lists.add(ann.viewer, chosen.id, [each.viewer.id for each in people.values()])
    post = await microblog.posts.publish(people["bob"].viewer, Draft("Read this"))
    await microblog.posts.publish(people["bob"].viewer, Draft("Something else"))
    for name in boosted_by:
        await microblog.posts.boost(people[name].viewer, post.id)
    page = await ann.get("/home" if where == "home" else chosen.path)
    entries = page.html.xpath(f"//article[@data-post='{post.id}']")
    assert len(entries) == 1
    lines = [" ".join(each.text_content().split()) for each in entries[0].xpath("./p[@class='context']")]
    assert lines == ([line] if line else [])
    assert len(page.html.xpath("//article")) == 2
    if boosted_by:
        assert entries[0].xpath("./p[@class='context']/a/@href") == ["/@ines"]
        # Programs get each boost, as from Mastodon.
        assert len((await microblog.timelines.home(ann.viewer, Span())).items) == 2 + len(boosted_by)
