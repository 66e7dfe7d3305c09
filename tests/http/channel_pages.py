"""Pages for the tests of connections.

``effects`` lists the requested paths, ``waiting`` the Deferreds of pages that wait.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from microblog.http.request import Request
from microblog.http.responses import Document, Json, Response
from microblog.http.routing import Routes
from tests.http.harness import Harness, Make

routes = Routes("channel")
effects: list[str] = []

HOST = b"Host: localhost\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST


@routes.get("/", limit=None)
async def front(_: Any, request: Request) -> Response:
    effects.append(request.path)
    return Document("front")


@routes.get("/n/<number>", limit=None)
async def numbered(_: Any, request: Request) -> Response:
    return Document(request.path_arg("number"))


@routes.get("/big/<int:size>", limit=None)
async def big(_: Any, request: Request) -> Response:
    effects.append(request.path)
    return Document(b"x" * int(request.path_arg("size")), "application/octet-stream")


@routes.post("/echo", csrf=False, limit=None)
async def echo(_: Any, request: Request) -> Response:
    effects.append(request.path)
    return Json({"size": len(request.body)})


@routes.get("/status/<int:code>", limit=None)
async def with_status(_: Any, request: Request) -> Response:
    return Document("text", status=int(request.path_arg("code")))


waiting: list[Deferred[None]] = []


@routes.get("/wait", limit=None)
async def wait(_: Any, __: Request) -> Response:
    waiting.append(Deferred())
    await waiting[-1]
    return Document("waited")


def site(make: Make) -> Harness:
    """Return a new site with these pages."""
    effects.clear()
    waiting.clear()
    return make(routes)
