"""The OpenAPI 3.1 document of the API, made from the declarations that route and parse requests.

Schemas are JSON Schema 2020-12, as msgspec derives them from the Structs that are parsed and encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from microblog import __version__
from microblog.domain.scopes import SCOPES
from microblog.web.api.endpoint import Endpoint
from microblog.web.api.parameters import Nothing

_REFERENCE: Final = "#/components/schemas/{name}"
_BODIES: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_PLACEHOLDER: Final = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
_TEXTS: Final = {
    400: "The request can't be read.",
    401: "There is no access token, or it is void.",
    403: "The token lacks the scope, or its owner may not do this.",
    404: "There is no such thing, or it is not to be known about.",
    409: "Somebody was first.",
    410: "It was there; its time is over.",
    413: "It is too large.",
    422: "It can't be used as it is: `error` says why, `details` by field.",
    429: "Too often: `Retry-After` and `X-RateLimit-Reset` say when to come back.",
    503: "The database is away: `Retry-After` says when to come back.",
}


class Detail(Struct, frozen=True):
    """What is wrong with a field."""

    error: str  #: ERR_BLANK, ERR_TAKEN, ERR_INVALID, ERR_TOO_LONG …
    description: str


class Error(Struct, frozen=True, omit_defaults=True):
    """What went wrong. OAuth's endpoints add `error_description`."""

    error: str
    error_description: str | None = None
    details: dict[str, list[Detail]] | None = None
    request_id: str | None = None


def document(endpoints: Iterable[Endpoint], public_url: str, site_name: str) -> dict[str, Any]:
    """Return the OpenAPI document of ``endpoints``."""
    listed = sorted(endpoints, key=lambda each: (each.route.path, each.route.method))
    types = [each for one in listed for each in (one.params, one.answer)]
    schemas, components = msgspec.json.schema_components([*types, Error], ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    taken: dict[str, int] = {}
    for index, each in enumerate(listed):
        params = _resolved(schemas[2 * index], components)
        operation = _operation(each, params, schemas[2 * index + 1], components)
        number = taken[each.name] = taken.get(each.name, 0) + 1
        operation["operationId"] = each.name if number == 1 else f"{each.name}_{number}"
        paths.setdefault(_PLACEHOLDER.sub(r"{\1}", each.route.path), {})[each.route.method.lower()] = (
            operation
        )
    used = _reachable([paths, schemas[-1]], components)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": f"The API of {site_name}",
            "version": __version__,
            "summary": "The Mastodon client protocol, as far as this site has what it is about.",
            "license": {"name": "See the software's own"},
        },
        "servers": [{"url": public_url}],
        "tags": [{"name": name} for name in dict.fromkeys(each.about for each in listed)],
        "paths": paths,
        "components": {
            "schemas": {name: components[name] for name in sorted(used)},
            "securitySchemes": {
                "oauth": {
                    "type": "oauth2",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": f"{public_url}/oauth/authorize",
                            "tokenUrl": f"{public_url}/oauth/token",
                            "scopes": {scope: scope for scope in SCOPES},
                        },
                        "clientCredentials": {
                            "tokenUrl": f"{public_url}/oauth/token",
                            "scopes": {scope: scope for scope in SCOPES},
                        },
                    },
                }
            },
        },
    }


def _operation(each: Endpoint, params: Any, answer: Any, components: dict[str, Any]) -> dict[str, Any]:
    summary, _, rest = each.doc.partition("\n")
    operation: dict[str, Any] = {"tags": [each.about], "summary": summary.strip()}
    if rest.strip():
        operation["description"] = rest.strip()
    if each.deprecated:
        operation["deprecated"] = True
    if each.route.viewer != "none":
        needed = [{"oauth": [each.route.scope] if each.route.scope else []}]
        operation["security"] = [*needed, {}] if each.route.viewer == "optional" else needed
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"}
            if name == "id" or name.endswith("_id")
            else {"type": "string", "minLength": 1},
        }
        for name in each.arguments
    ]
    if each.params is not Nothing:
        if each.route.method in ("GET", "DELETE"):
            parameters += _query(params)
        else:
            required = bool(params.get("required"))
            operation["requestBody"] = {
                "required": required,
                "content": {kind: {"schema": {**params, "title": each.params.__name__}} for kind in _BODIES},
            }
    if parameters:
        operation["parameters"] = parameters
    success: dict[str, Any] = {
        "description": "As asked.",
        "content": {"application/json": {"schema": answer}},
    }
    if each.paged:
        success["headers"] = {
            "Link": {
                "description": "The pages beside this one (RFC 8288), `next` first.",
                "schema": {"type": "string"},
            }
        }
    operation["responses"] = {
        "200": success,
        **{
            str(status): {
                "description": _TEXTS[status],
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
                    # Requests that break HTTP's own rules are refused before routing, with a line of text.
                    **({"text/plain": {"schema": {"type": "string"}}} if status in (400, 413) else {}),
                },
            }
            for status in statuses(each)
        },
    }
    if each.route.public:
        operation["responses"]["304"] = {"description": "The client has it already (`If-None-Match`)."}
    return operation


def statuses(each: Endpoint) -> list[int]:
    """Return the statuses of errors that an endpoint may answer with."""
    found = {400, 413, 422, 429, 503, *each.statuses}
    if each.route.viewer != "none":
        found |= {401, 403}
    if each.arguments:
        found.add(404)
    return sorted(found)


def _query(params: dict[str, Any]) -> list[dict[str, Any]]:
    required = set(params.get("required", ()))
    found = []
    for name, schema in params.get("properties", {}).items():
        plain = dict(schema)
        description = plain.pop("description", None)
        listed = plain.get("type") == "array"
        parameter: dict[str, Any] = {
            "name": f"{name}[]" if listed else name,
            "in": "query",
            "required": name in required,
            "schema": plain,
        }
        if description:
            parameter["description"] = description
        found.append(parameter)
    return found


def _resolved(schema: Any, components: dict[str, Any]) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema


def _reachable(roots: list[Any], components: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that ``roots`` refer to, directly or indirectly."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    waiting.append(components[name])
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found
