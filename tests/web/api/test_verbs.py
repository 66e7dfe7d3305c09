"""Updates by PUT and by PATCH: clients choose either, because Rails routes both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.api_site import ApiSite
from tests.web.api.test_matrix import ENDPOINTS

UPDATES = sorted({each.route.path for each in ENDPOINTS if each.route.method in ("PUT", "PATCH")})


def test_every_update_is_declared_with_both_verbs() -> None:
    declared = {(each.route.method, each.route.path) for each in ENDPOINTS}
    assert len(UPDATES) >= 8
    assert [path for path in UPDATES if not {("PUT", path), ("PATCH", path)} <= declared] == []


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
async def test_every_update_works_by_either_verb(api_site: ApiSite, verb: str) -> None:
    ann = await api_site.program("ann")
    post = await ann.publish("before")
    made_list = await ann.json("POST", "/api/v1/lists", json={"title": "before"})
    made = await ann.json(
        "POST",
        "/api/v2/filters",
        json={"title": "before", "context": ["home"], "keywords_attributes": [{"keyword": "before"}]},
    )
    word = made["keywords"][0]["id"]
    #: path -> the address, what is sent, what of the answer has changed, into what
    changes: dict[str, tuple[str, dict[str, Any], str, Any]] = {
        "/api/v1/accounts/update_credentials": ("", {"display_name": "After"}, "display_name", "After"),
        "/api/v1/statuses/<id>": (post["id"], {"status": "after"}, "content", "<p>after</p>"),
        "/api/v1/lists/<id>": (made_list["id"], {"title": "after"}, "title", "after"),
        "/api/v2/filters/<id>": (made["id"], {"title": "after"}, "title", "after"),
        "/api/v2/filters/keywords/<id>": (word, {"keyword": "after"}, "keyword", "after"),
        "/api/v1/filters/<id>": (word, {"phrase": "later", "context": ["home"]}, "phrase", "later"),
        "/api/v1/notifications/policy": ("", {"filter_not_following": True}, "filter_not_following", True),
        "/api/v2/notifications/policy": ("", {"for_not_followers": "drop"}, "for_not_followers", "drop"),
    }
    assert set(UPDATES) <= set(changes), "say what a change by the new endpoint looks like"
    for path, (value, sent, field, expected) in changes.items():
        answer = await ann.json(verb, path.replace("<id>", value), json=sent)
        assert answer[field] == expected, path
