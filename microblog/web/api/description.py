"""The endpoint of the OpenAPI description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from microblog.http.responses import Json, Response
from microblog.http.routing import Routes
from microblog.web.api.openapi import document

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog
    from microblog.web.api.endpoint import Api


def routes(apis: Sequence[Api]) -> Routes:
    """Return the table with the description of ``apis``, which the first request creates."""
    table = Routes("api.description", cors=True)
    made: dict[tuple[str, str], bytes] = {}

    @table.get("/api/openapi.json", viewer="none", public=True)
    async def openapi(microblog: Microblog, _request: Request) -> Response:
        """The OpenAPI 3.1 document."""
        config = microblog.config
        key = (config.public_url, config.site_name)
        if key not in made:
            made.clear()
            endpoints = [endpoint for api in apis for endpoint in api.endpoints]
            made[key] = msgspec.json.encode(document(endpoints, *key))
        return Json(made[key], public=True, max_age=300)

    return table
