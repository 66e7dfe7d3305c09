"""Errors about a parameter: 422 names the parameter in `details`, by the name that the client sent.

The parameters come from the declarations, each with values that no parameter of its kind takes.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect as shapes

from tests.web.api.api_site import ApiSite
from tests.web.api.test_matrix import ENDPOINTS, path_of, required

_TOO_LONG = "x " * 15_000


def wrong_values(kind: shapes.Type) -> list[Any]:
    """Values that no parameter of that kind takes; they may be ignored, but not without a word refused."""
    while isinstance(kind, shapes.Metadata):
        if kind.extra:
            return ["nonsense", -1, str(2**64)]
        kind = kind.type
    if isinstance(kind, shapes.UnionType):
        return [value for each in kind.types for value in wrong_values(each)]
    if isinstance(kind, shapes.LiteralType | shapes.EnumType):
        return ["nonsense", "a\x00b"]
    if isinstance(kind, shapes.StrType):
        return [_TOO_LONG, "a\x00b", "\ud800", "", " ", "::", "http://[", "\u202e"]
    if isinstance(kind, shapes.IntType):
        return [-1, 10**18]
    if isinstance(kind, shapes.ListType | shapes.VarTupleType):
        return [[value] for value in wrong_values(kind.item_type)]
    if isinstance(kind, shapes.StructType):
        return [{field.encode_name: value} for field in kind.fields for value in wrong_values(field.type)]
    return []


async def test_every_422_about_a_parameter_names_one_of_the_endpoint(api_site: ApiSite) -> None:
    ann, of_app = await api_site.program("ann"), await api_site.of_app()
    wrong = []
    for endpoint in ENDPOINTS:
        shape = shapes.type_info(endpoint.params)
        assert isinstance(shape, shapes.StructType)
        if endpoint.route.path.startswith("/oauth/") or endpoint.route.method in ("GET", "PATCH"):
            continue  # OAuth has words of its own; PATCH is PUT
        known = {field.encode_name for field in shape.fields}
        sender = {"none": api_site.stranger(), "app": of_app}.get(endpoint.route.viewer, ann)
        for field in shape.fields:
            name = field.encode_name
            for value in [*wrong_values(field.type), ...]:
                sent = {**required(endpoint), name: value}
                if value is ...:
                    if not field.required:
                        continue
                    del sent[name]
                answer = await sender.request(endpoint.route.method, path_of(endpoint), json=sent)
                details = answer.json().get("details", {})
                if answer.status == 422 and (not details or not set(details) <= known):
                    wrong.append(
                        f"{endpoint.route.method} {endpoint.route.path} {name}={str(value)[:20]!r}: {answer.text[:200]}"
                    )
    assert not wrong, "\n".join(wrong)
