"""The small number of a notification: whole in JavaScript, and taken wherever a notification's id is."""

from __future__ import annotations

import json

from tests.web.api.api_site import ApiSite


async def test_every_number_in_an_answer_survives_javascript(api_site: ApiSite) -> None:
    """JavaScript reads all JSON numbers as doubles: whole up to 2^53."""
    owner, actor = await api_site.program("ann"), await api_site.program("bob")
    post = await owner.publish("hello")
    await actor.json("POST", f"/api/v1/statuses/{post['id']}/favourite")
    await actor.publish("@ann hello")
    numbers: list[int] = []

    def noted(digits: str) -> int:
        numbers.append(int(digits))
        return int(digits)

    for path in ("/api/v2/notifications", "/api/v1/notifications", f"/api/v1/statuses/{post['id']}"):
        page = await owner.get(path)
        json.loads(page.text, parse_int=noted)
    assert numbers
    assert max(numbers) <= 2**31


async def test_number_names_the_notification_where_its_id_does(api_site: ApiSite) -> None:
    owner, actor = await api_site.program("ann"), await api_site.program("bob")
    for text in ("one", "two", "three"):
        await actor.publish(f"@ann {text}")
    groups = (await owner.json("GET", "/api/v2/notifications"))["notification_groups"]
    listed = await owner.json("GET", "/api/v1/notifications")
    ids = [each["id"] for each in listed]
    numbers = [each["most_recent_notification_id"] for each in groups]
    assert [each["page_max_id"] for each in groups] == ids
    assert len(set(numbers)) == 3
    for number, notification in zip(numbers, listed, strict=True):
        assert await owner.json("GET", f"/api/v1/notifications/{number}") == notification
        # Nobody else's number says anything.
        await actor.json("GET", f"/api/v1/notifications/{number}", status=404)
    for name, expected in (("max_id", ids[2:]), ("since_id", ids[:1]), ("min_id", ids[:1])):
        found = await owner.json("GET", f"/api/v1/notifications?{name}={numbers[1]}")
        assert [each["id"] for each in found] == expected
        grouped = await owner.json("GET", f"/api/v2/notifications?{name}={numbers[1]}")
        assert [each["page_max_id"] for each in grouped["notification_groups"]] == expected
    for small in ("0", "1"):
        found = await owner.json("GET", f"/api/v1/notifications?since_id={small}")
        assert [each["id"] for each in found] == ids
    marked = {"notifications": {"last_read_id": str(numbers[1])}}
    answer = await owner.json("POST", "/api/v1/markers", json=marked)
    assert answer["notifications"]["last_read_id"] == ids[1]
    assert (await owner.json("GET", "/api/v1/notifications/unread_count"))["count"] == 1
    await actor.json("POST", f"/api/v1/notifications/{numbers[0]}/dismiss", status=404)
    await owner.json("POST", f"/api/v1/notifications/{numbers[0]}/dismiss")
    assert [each["id"] for each in await owner.json("GET", "/api/v1/notifications")] == ids[1:]


async def test_notification_from_before_the_numbers_goes_by_its_id(api_site: ApiSite) -> None:
    owner, actor = await api_site.program("ann"), await api_site.program("bob")
    await actor.publish("@ann old")
    await api_site.microblog.db.reads.run("UPDATE notifications SET number = NULL")
    (group,) = (await owner.json("GET", "/api/v2/notifications"))["notification_groups"]
    assert str(group["most_recent_notification_id"]) == group["page_max_id"]
    await owner.json("GET", f"/api/v1/notifications/{group['most_recent_notification_id']}")
