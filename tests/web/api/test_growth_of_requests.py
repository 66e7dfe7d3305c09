"""Twice the text costs at most about twice the work, in each parameter of each endpoint, and nothing takes long.

The parameters come from the declarations: a new endpoint is measured by being declared.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import inspect as shapes

from microblog.http.forms import KEY_LIMIT
from microblog.web.api.endpoint import Endpoint
from tests.growth import PATTERNS, too_costly
from tests.web.api.api_site import ApiSite, Program
from tests.web.api.test_matrix import ENDPOINTS, required

#: Bytes of an address that are left for one parameter.
_ROOM = 7000


def filled(kind: shapes.Type, text: str) -> Any:
    """A value of that kind whose texts are all ``text``; None where it has none."""
    while isinstance(kind, shapes.Metadata):
        kind = kind.type
    if isinstance(kind, shapes.UnionType):
        return next((value for each in kind.types if (value := filled(each, text)) is not None), None)
    if isinstance(kind, shapes.StrType | shapes.AnyType):
        return text
    if isinstance(kind, shapes.ListType | shapes.VarTupleType):
        item = filled(kind.item_type, text)
        return None if item is None else [item]
    if isinstance(kind, shapes.StructType):
        made = {field.encode_name: filled(field.type, text) for field in kind.fields}
        return {name: value for name, value in made.items() if value is not None} or None
    return None


def texts_of(endpoint: Endpoint) -> list[str]:
    shape = shapes.type_info(endpoint.params)
    assert isinstance(shape, shapes.StructType)
    return [field.encode_name for field in shape.fields if filled(field.type, "x") is not None]


def with_text(endpoint: Endpoint, name: str, text: str) -> dict[str, Any]:
    shape = shapes.type_info(endpoint.params)
    assert isinstance(shape, shapes.StructType)
    (field,) = [field for field in shape.fields if field.encode_name == name]
    return {**required(endpoint), name: filled(field.type, text)}


def nested(value: Any, name: str) -> list[tuple[str, str]]:
    """Rails' names for a value in a query."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in nested(inner, f"{name}[{key}]")]
    if isinstance(value, list):
        return [pair for inner in value for pair in nested(inner, f"{name}[]")]
    return [(name, str(value))]


def path_of(endpoint: Endpoint, value: str = "1") -> str:
    path = endpoint.route.path
    for name in endpoint.arguments:
        path = path.replace(f"<{name}>", value)
    return path


def texts_that_writing_endpoints_take() -> list[tuple[Endpoint, str]]:
    return [
        (each, name)
        for each in ENDPOINTS
        if each.route.method not in ("GET", "PATCH")
        for name in texts_of(each)
    ]


async def test_no_text_of_a_body_costs_more_than_its_length(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    limits = {(route.method, route.path): route.text_limit for route in api_site.dispatcher.routes}
    wrong = []
    for endpoint, name in texts_that_writing_endpoints_take():
        sender = api_site.stranger() if endpoint.route.viewer == "none" else ann

        async def send(
            text: str, sender: Program = sender, endpoint: Endpoint = endpoint, name: str = name
        ) -> None:
            body = json.dumps(with_text(endpoint, name, text), ensure_ascii=False).encode()
            answer = await sender.request(
                endpoint.route.method,
                path_of(endpoint),
                body=body,
                headers={"Content-Type": "application/json"},
            )
            assert answer.status < 500, f"{endpoint.route.method} {endpoint.route.path} {name}"

        # Lines and quotes take two bytes in JSON.
        size = limits[endpoint.route.method, endpoint.route.path] // 2 - 1000
        wrong += [
            f"{endpoint.route.method} {endpoint.route.path} {name}: {each}"
            for each in await too_costly(send, size)
        ]
    assert not wrong, "\n".join(wrong)


async def test_no_text_of_an_address_costs_more_than_its_length(api_site: ApiSite) -> None:
    """In the query, and in the path where that takes a text."""
    ann = await api_site.program("ann")
    wrong = []
    for endpoint in ENDPOINTS:
        if endpoint.route.method != "GET":
            continue
        targets = [(name, "?{}") for name in texts_of(endpoint)]
        if endpoint.arguments:
            targets.append(("", ""))
        for name, _ in targets:

            async def send(text: str, endpoint: Endpoint = endpoint, name: str = name) -> None:
                if name:
                    pairs = [
                        pair
                        for key, each in with_text(endpoint, name, text).items()
                        for pair in nested(each, key)
                    ]
                    target = (
                        path_of(endpoint)
                        + "?"
                        + "&".join(f"{quote(key)}={quote(each)}" for key, each in pairs)
                    )
                else:
                    target = path_of(endpoint, quote(text, safe=""))
                answer = await ann.get(target)
                assert answer.status < 500, target[:200]

            found = await too_costly(send, _ROOM // 3)
            wrong += [f"{endpoint.route.path} {name or 'path'}: {each}" for each in found]
    assert not wrong, "\n".join(wrong)


HEADERS = (
    *(
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Content-Type",
        "Cookie",
        "Idempotency-Key",
        "If-None-Match",
    ),
    *(
        "Last-Event-ID",
        "Origin",
        "Purpose",
        "Sec-Fetch-Site",
        "Sec-Purpose",
        "Sec-WebSocket-Protocol",
        "User-Agent",
    ),
    *("X-CSRF-Token", "X-Forwarded-For"),
)
SEPARATORS = (",", ";", " ,", '"', "/", "=", ";q=", 'W/"a", ', "a=b; ", "::", "\\", "Bearer ")


async def test_no_header_costs_more_than_its_length(api_site: ApiSite) -> None:
    """Headers have separators of their own in place of the patterns."""
    wrong = []
    for name in HEADERS:

        async def send(text: str, name: str = name) -> None:
            for path in ("/api/v1/timelines/public", "/public"):
                answer = await api_site.stranger().get(path, headers={name: text.strip() or "x"})
                assert answer.status < 500

        found = await too_costly(send, _ROOM, {each: each for each in SEPARATORS})
        wrong += [f"{name} of {each}" for each in found]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("shape", ["keys", "long keys", "brackets", "lists", "objects", "numbers", "escapes"])
async def test_no_shape_of_a_body_costs_more_than_its_length(api_site: ApiSite, shape: str) -> None:
    """The largest bodies within the limits, as JSON and as a form."""
    ann = await api_site.program("ann")

    async def send(text: str) -> None:
        size = len(text.encode())
        count = KEY_LIMIT * size // 60_000
        bodies: dict[str, tuple[str, bytes]] = {
            "keys": (
                "json",
                json.dumps({f"k{n}": "x" * (size // KEY_LIMIT - 12) for n in range(count)}).encode(),
            ),
            "long keys": ("json", json.dumps({"[" * (size // 2): 1, "a" * (size // 3): 2}).encode()),
            "brackets": ("form", b"&".join(b"a" + b"[]" * 120 + b"[k]=1" for _ in range(count))),
            "lists": ("json", b'{"a":[' + b"[]," * (size // 3) + b"[]]}"),
            "objects": ("json", b'{"a":[' + b"{}," * (size // 3) + b"{}]}"),
            "numbers": ("json", b'{"locked":' + b"1" * size + b"}"),
            "escapes": ("form", b"note=" + b"%CC%81%CC%96" * (size // 12)),
        }
        kind, body = bodies[shape]
        content_type = "application/json" if kind == "json" else "application/x-www-form-urlencoded"
        answer = await ann.request(
            "PATCH", "/api/v1/accounts/update_credentials", body=body, headers={"Content-Type": content_type}
        )
        assert answer.status < 500

    assert await too_costly(send, 60_000) == []


async def test_measurement_finds_quadratic_work() -> None:
    async def send(text: str) -> None:
        sum(1 for _ in range((len(text) // 12) ** 2))

    assert await too_costly(send, 60_000, {"any": "x"}) != []


def test_all_that_takes_text_is_measured() -> None:
    assert len(texts_that_writing_endpoints_take()) > 40
    assert {
        "mixed marks",
        "regional indicators",
        "joiners",
        "opening brackets",
        "spaces",
        "mixed scripts",
    } <= set(PATTERNS)
