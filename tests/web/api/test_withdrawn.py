"""Acts that are taken back: their notification goes, the same act notifies again, and not without end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from microblog.services.notifications.write import MOST_OFTEN
from microblog.services.outgoing_mail import OutgoingMail
from tests.web.api.api_site import ApiSite, Program

Act = Callable[[Program, Program, str], Awaitable[object]]


def press(path: str) -> Act:
    """A POST by the actor; ``{post}`` and ``{owner}`` in the path stand for ids."""

    def act(actor: Program, owner: Program, post: str) -> Awaitable[object]:
        return actor.json("POST", path.format(post=post, owner=owner.id))

    return act


def removed(actor: Program, owner: Program, _post: str) -> Awaitable[object]:
    return owner.json("POST", f"/api/v1/accounts/{actor.id}/remove_from_followers")


def rejected(actor: Program, owner: Program, _post: str) -> Awaitable[object]:
    return owner.json("POST", f"/api/v1/follow_requests/{actor.id}/reject")


FOLLOW, UNFOLLOW = press("/api/v1/accounts/{owner}/follow"), press("/api/v1/accounts/{owner}/unfollow")
#: name -> the notification's type, whether the recipient is locked, the act, and what takes it back
ACTS: Final[dict[str, tuple[str, bool, Act, Act]]] = {
    "favourite": (
        "favourite",
        False,
        press("/api/v1/statuses/{post}/favourite"),
        press("/api/v1/statuses/{post}/unfavourite"),
    ),
    "boost": (
        "reblog",
        False,
        press("/api/v1/statuses/{post}/reblog"),
        press("/api/v1/statuses/{post}/unreblog"),
    ),
    "follow": ("follow", False, FOLLOW, UNFOLLOW),
    "removed follower": ("follow", False, FOLLOW, removed),
    "request": ("follow_request", True, FOLLOW, UNFOLLOW),
    "rejected request": ("follow_request", True, FOLLOW, rejected),
}


@pytest.mark.parametrize("name", ACTS)
async def test_withdrawn_act_withdraws_its_notification_and_notifies_again_a_few_times(
    api_site: ApiSite, name: str
) -> None:
    kind, locked, act, undo = ACTS[name]
    owner, actor = await api_site.program("ann", locked=locked), await api_site.program("bob")
    post = str((await owner.publish("hello"))["id"])
    mail = OutgoingMail(api_site.microblog.db)

    async def told() -> list[str]:
        listed = [each["type"] for each in await owner.json("GET", "/api/v1/notifications")]
        grouped = (await owner.json("GET", "/api/v2/notifications"))["notification_groups"]
        counted = await owner.json("GET", "/api/v1/notifications/unread_count")
        assert sum(each["notifications_count"] for each in grouped) == len(listed)
        assert counted["count"] == len(listed)
        return listed

    await api_site.microblog.db.reads.run("UPDATE users SET mail_favourites = true, mail_boosts = true")
    for _ in range(MOST_OFTEN):
        await act(actor, owner, post)
        await act(actor, owner, post)
        assert await told() == [kind]
        assert await mail.notice(owner.viewer.id) is not None
        await undo(actor, owner, post)
        assert await told() == []
        assert await mail.notice(owner.viewer.id) is None
    for _ in range(2):
        await act(actor, owner, post)
        assert await told() == []
        await undo(actor, owner, post)
    # A day later the same act notifies again, and others always did.
    await act(await api_site.program("cem"), owner, post)
    assert await told() == [kind]
    await api_site.microblog.db.reads.run(
        "UPDATE withdrawn_notifications SET began_at = began_at - interval '25 hours'"
    )
    await act(actor, owner, post)
    assert await told() == [kind, kind]


async def test_other_posts_and_kinds_are_not_affected(api_site: ApiSite) -> None:
    owner, actor = await api_site.program("ann"), await api_site.program("bob")
    first, second = [str((await owner.publish("hello"))["id"]) for _ in range(2)]
    for post in (first, second):
        await actor.json("POST", f"/api/v1/statuses/{post}/favourite")
        await actor.json("POST", f"/api/v1/statuses/{post}/reblog")
    for _ in range(MOST_OFTEN + 1):
        await actor.json("POST", f"/api/v1/statuses/{first}/unfavourite")
        await actor.json("POST", f"/api/v1/statuses/{first}/favourite")
    left = await owner.json("GET", "/api/v1/notifications")
    found = sorted((each["type"], each["status"]["id"]) for each in left)
    assert found == sorted([("favourite", second), ("reblog", first), ("reblog", second)])
    await actor.json("POST", f"/api/v1/statuses/{second}/unfavourite")
    await actor.json("POST", f"/api/v1/statuses/{second}/favourite")
    assert len(await owner.json("GET", "/api/v1/notifications")) == 3
