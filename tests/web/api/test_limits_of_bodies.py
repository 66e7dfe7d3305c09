"""Bodies of API requests: what is too long, too much or too deep is refused in JSON, and cheaply."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from microblog.http.forms import KEY_LIMIT, TEXT_LIMIT
from microblog.web import api
from tests.http.client import BOUNDARY, multipart
from tests.web.api.api_site import ApiSite

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def nested(opening: str, closing: str, depth: int) -> bytes:
    return b'{"fields_attributes":' + (opening * depth + "1" + closing * depth).encode() + b"}"


#: name -> headers, body, status
HOSTILE: dict[str, tuple[dict[str, str], bytes, set[int]]] = {
    "long json": (JSON, json.dumps({"note": "x" * TEXT_LIMIT}).encode(), {413}),
    "white space around json": (JSON, b" " * TEXT_LIMIT + b"{}", {413}),
    "long form": (FORM, b"note=" + b"%41" * TEXT_LIMIT, {413}),
    "long multipart": (MULTIPART, multipart({"note": "x" * (TEXT_LIMIT + 1)}, {}), {413}),
    "texts that are long together": (
        MULTIPART,
        multipart({f"note{number}": "x" * (TEXT_LIMIT // 8) for number in range(9)}, {}),
        {413},
    ),
    "many keys": (JSON, json.dumps({str(number): 0 for number in range(KEY_LIMIT + 1)}).encode(), {422}),
    "many keys in nests": (
        JSON,
        json.dumps({"fields_attributes": [{"name": "a", "value": "b"}] * KEY_LIMIT}).encode(),
        {422},
    ),
    "many fields": (FORM, "&".join(f"a{number}=1" for number in range(KEY_LIMIT + 1)).encode(), {400}),
    "long list": (JSON, json.dumps({"a": [0] * 10_000}).encode(), {422}),
    "lists in lists": (JSON, nested("[", "]", 100), {422}),
    "lists beside lists": (JSON, b'{"a":[' + b"[]," * 10_000 + b"[]]}", {422}),
    "objects in objects": (JSON, nested('{"a":', "}", 100), {422}),
    "very deep": (JSON, nested("[", "]", 20_000), {400}),
    "NUL": (JSON, b'{"note":"a\\u0000b"}', {422}),
    "NUL in a key": (JSON, b'{"a\\u0000b":1}', {422}),
    "a long number": (JSON, b'{"locked":' + b"1" * 50_000 + b"}", {400, 422}),
    "not an object": (JSON, b"[1,2,3]", {400}),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_body_is_refused_in_json(api_site: ApiSite, kind: str) -> None:
    headers, body, statuses = HOSTILE[kind]
    ann = await api_site.program("ann")
    began = time.process_time()
    answer = await ann.request("PATCH", "/api/v1/accounts/update_credentials", body=body, headers=headers)
    spent = time.process_time() - began
    assert answer.status in statuses, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert len(answer.json()["error"]) > 10
    assert spent < 0.2


def _declared() -> list[Any]:
    found = []
    for each in api.APIS:
        found += [route for route in each.routes if route.method != "GET"]
    return found


@pytest.mark.parametrize("kind", ["many keys", "long json", "lists beside lists"])
async def test_every_endpoint_has_these_limits(api_site: ApiSite, kind: str) -> None:
    """Twice the largest limit of any endpoint is too much for each of them, before it looks at anything else."""
    headers, body, _ = HOSTILE[kind]
    if kind == "many keys":
        body = json.dumps({str(number): 0 for number in range(1000)}).encode()
    elif kind == "long json":
        body = json.dumps({"note": "x" * 600_000}).encode()
    ann = await api_site.program("ann")
    for route in _declared():
        path = route.path.replace("<id>", "1").replace("<tag>", "tea").replace("<day>", "2026-01-01")
        sender = api_site.stranger() if route.viewer == "none" else ann
        answer = await sender.request(route.method, path, body=body, headers=headers)
        assert answer.status in (400, 401, 403, 413, 422), f"{route.method} {route.path}: {answer.status}"
        assert "error" in answer.json(), f"{route.method} {route.path}"


async def test_filter_takes_all_keywords_it_may_have(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    keywords = [{"keyword": f"word{number}", "whole_word": True} for number in range(100)]
    made = await ann.json(
        "POST",
        "/api/v2/filters",
        json={"title": "many", "context": ["home"], "keywords_attributes": keywords},
    )
    assert len(made["keywords"]) == 100


async def test_byte_order_mark_is_ignored(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    body = b"\xef\xbb\xbf" + json.dumps({"note": "hello"}).encode()
    answer = await ann.request("PATCH", "/api/v1/accounts/update_credentials", body=body, headers=JSON)
    assert (answer.status, answer.json()["source"]["note"]) == (200, "hello")
