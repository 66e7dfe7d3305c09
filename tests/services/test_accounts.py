"""Profiles, preferences, and the end of an account."""

from __future__ import annotations

import dataclasses

import pytest

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound
from microblog.domain.posts import Span
from microblog.domain.visibility import Visibility
from tests.factories import create_viewer
from tests.services.people import PASSWORD, Site

PLAIN = {"display_name": "", "bio": "", "fields": (), "locked": False, "discoverable": True, "bot": False}


async def test_a_profile_is_rendered_once_when_saved(site: Site) -> None:
    site = site.over(public_url="https://social.example")
    ada, _ = await site.people("ada", "bob")
    account = await site.profiles.update(
        ada,
        **PLAIN
        | {
            "display_name": "  Ada <Lovelace> ",
            "bio": "With @bob & #maths. <script>alert(1)</script> @nobody_here",
            "fields": [("Site", "https://example.org/ada"), ("Friend", "@bob@social.example"), ("", "")],
        },
    )
    assert account.display_name == "Ada <Lovelace>"
    assert 'href="/@bob"' in account.bio_html
    assert 'href="/tags/maths"' in account.bio_html
    assert "<script>" not in account.bio_html
    assert [field.name for field in account.fields] == ["Site", "Friend"]
    assert account.fields[0].html.startswith("<a ")
    assert 'rel="me nofollow noopener ugc"' in account.fields[0].html
    assert 'href="/@bob"' in account.fields[1].html
    assert await site.accounts.by_name("ada") == account


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"display_name": "x" * 51}, "display_name"),
        ({"bio": "x" * 501}, "bio"),
        ({"fields": [("a", "b")] * 5}, "fields"),
        ({"fields": [("", "value")]}, "fields"),
    ],
)
async def test_what_does_not_fit_a_profile_is_named(
    site: Site, change: dict[str, object], field: str
) -> None:
    ada = await site.person("ada")
    with pytest.raises(InvalidInput) as error:
        await site.profiles.update(ada, **PLAIN | change)
    assert error.value.field == field


async def test_preferences_change_one_by_one(site: Site) -> None:
    ada = await site.person("ada")
    before = await site.accounts.user(ada)
    await site.profiles.update_preferences(ada, language="pt-BR", mail_boosts=True)
    await site.profiles.update_preferences(ada, default_visibility="unlisted", default_sensitive=True)
    after = await site.accounts.user(ada)
    assert after == dataclasses.replace(
        before,
        language=after.language,
        mail_boosts=True,
        default_visibility=Visibility.UNLISTED,
        default_sensitive=True,
    )
    viewer = await site.viewer(ada.id)
    assert (viewer.default_visibility, viewer.default_sensitive) == (Visibility.UNLISTED, True)
    for wrong in ({"default_visibility": "nobody"}, {"language": "not a language"}):
        with pytest.raises(InvalidInput):
            await site.profiles.update_preferences(ada, **wrong)


async def test_names_are_looked_up_as_people_type_them(site: Site) -> None:
    ada = await site.person("ada")
    for typed in ("ada", "@ada", "ADA", " ada "):
        assert (await site.accounts.by_name(typed)).id == ada.id
    for nobody in ("", "bob", "ad a", "ада", "a\x00da", "x" * 500):
        with pytest.raises(NotFound):
            await site.accounts.by_name(nobody)
    assert [each.name for each in await site.accounts.by_ids([1, ada.id])] == ["ada"]


async def test_moderators_list_people_and_only_administrators_by_address(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    assert [account.name for account, _ in (await site.moderation.accounts(ada, "", Span())).items] == [
        "bob",
        "ada",
    ]
    assert [account.name for account, _ in (await site.moderation.accounts(ada, "@B", Span())).items] == [
        "bob"
    ]
    assert [a.name for a, _ in (await site.moderation.accounts(ada, "bob@example", Span())).items] == ["bob"]
    assert (await site.moderation.accounts(ada, "%", Span())).items == ()
    with pytest.raises(Forbidden):
        await site.moderation.accounts(bob, "", Span())


class TestDeletion:
    async def someone_busy(self, site: Site) -> tuple[Viewer, Viewer, Viewer]:
        """Ada owns the site; Eve has done something to everybody, and everybody to her."""
        from microblog.services.posts import Posts

        ada, bob, eve = await site.people("ada", "bob", "eve")
        posts = Posts(site.config, site.db, site)  # type: ignore[arg-type]
        for viewer, other in ((eve, ada), (ada, eve), (eve, bob), (bob, eve), (ada, bob)):
            await site.follows.follow(viewer, other.id)
        hers, theirs = await site.post(eve, "mine #tag"), await site.post(ada, "yours #tag")
        for viewer, post in ((eve, theirs), (bob, theirs), (bob, hers), (ada, hers)):
            await posts.favourite(viewer, post.id)
            await posts.boost(viewer, post.id)
        await site.post(eve, "an answer", to=theirs)
        await site.post(bob, "an answer to her, @eve", to=hers)
        return ada, bob, eve

    async def test_all_that_they_did_goes_and_nobody_else_s_counters_are_wrong(self, site: Site) -> None:
        ada, bob, eve = await self.someone_busy(site)
        await site.deletion.delete(eve, PASSWORD)
        with pytest.raises(NotFound):
            await site.accounts.by_name("eve")
        assert await site.counts(ada) == (0, 1)
        assert await site.counts(bob) == (1, 0)
        assert (
            await site.sql(
                "SELECT a.name, a.posts_count, (SELECT count(*) FROM posts p WHERE p.author_id = a.id) FROM accounts a "
                "WHERE a.posts_count <> (SELECT count(*) FROM posts p WHERE p.author_id = a.id)"
            )
            == []
        )
        assert await site.sql(
            "SELECT favourites_count, boosts_count, replies_count FROM posts WHERE text = 'yours #tag'"
        ) == [(1, 1, 0)]
        assert await site.sql("SELECT tag, uses FROM tags") == [("tag", 1)]
        [(reply_to_id, reply_to_name)] = await site.sql(
            "SELECT reply_to_id, reply_to_name FROM posts WHERE text LIKE 'an answer to her%'"
        )
        assert (reply_to_id, reply_to_name) == (None, "eve")

    async def test_readers_are_told_of_the_posts_and_the_account(self, site: Site) -> None:
        _, _, eve = await self.someone_busy(site)
        await site.deletion.delete(eve, PASSWORD)
        events = await site.events()
        assert ("revoked", eve.id, None, {"account": eve.id}) in events
        deleted = [
            detail for kind, account_id, _, detail in events if kind == "delete" and account_id == eve.id
        ]
        assert len(deleted) == 3
        from microblog.services.live.event_log import audience_from

        assert {audience_from(detail).author_name for detail in deleted} == {"eve"}

    async def test_nobody_takes_the_name_again(self, site: Site) -> None:
        _, bob = await site.people("ada", "bob")
        await site.deletion.delete(bob, PASSWORD)
        with pytest.raises(InvalidInput) as error:
            await site.sign_up.register("bob", "other@example.org", PASSWORD)
        assert (error.value.field, error.value.reason) == ("name", "taken")
        await site.sign_up.register("bobby", "bob@example.org", PASSWORD)

    async def test_it_takes_the_password(self, site: Site) -> None:
        _, bob = await site.people("ada", "bob")
        with pytest.raises(InvalidInput) as error:
            await site.deletion.delete(bob, "not the password")
        assert error.value.field == "password"
        assert (await site.accounts.by_name("bob")).id == bob.id

    async def test_the_owner_hands_over_first(self, site: Site) -> None:
        ada, _ = await site.people("ada", "bob")
        with pytest.raises(Forbidden):
            await site.deletion.delete(ada, PASSWORD)
        from microblog.domain.accounts import Role

        await site.moderation.set_role("bob", Role.OWNER)
        await site.deletion.delete(ada, PASSWORD)


async def test_one_who_waits_for_approval_is_turned_down_and_not_suspended(site: Site) -> None:
    await site.person("ada")
    await create_viewer(site.db, "waiting", state="pending")
    with pytest.raises(InvalidInput, match="Turn the request down"):
        await site.moderation.suspend("waiting")
