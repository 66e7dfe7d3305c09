"""For whoever watches the process: ``/health`` says that it answers, ``/ready`` that it can do its work.

A load balancer asks ``/ready``, a supervisor that restarts what hangs asks ``/health``.
"""

from __future__ import annotations

from typing import Protocol

from microblog.domain.errors import Unavailable
from microblog.http.request import Request
from microblog.http.responses import Document, Json, Response
from microblog.http.routing import Routes


class Readiness(Protocol):
    """What ``/ready`` asks."""

    async def ready(self) -> None:
        """Returns when the database answers and its schema is current.

        :raises Unavailable: with what is missing.
        """
        ...


routes = Routes("health")


@routes.get("/health", viewer="none", limit=None)
async def health(_: Readiness, request: Request) -> Response:
    """Say that the process is alive: "OK", as Mastodon does, or JSON for whoever asks for that."""
    return Json({"status": "ok"}) if request.wants_json else Document("OK")


@routes.get("/ready", viewer="none", limit=None)
async def ready(readiness: Readiness, request: Request) -> Response:
    """The database answers, and the site is not about to stop."""
    try:
        if request.raw.site.draining:
            raise Unavailable("This process is about to stop.")
        await readiness.ready()
    except Unavailable as error:
        return Json({"status": "unavailable", "error": error.text}, status=503, headers={"Retry-After": "5"})
    return Json({"status": "ready"})
