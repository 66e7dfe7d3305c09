"""Health checks: ``/health`` shows that the process answers, ``/ready`` that it can serve requests.

A load balancer asks ``/ready``. A supervisor that restarts hung processes asks ``/health``.
"""

from __future__ import annotations

from typing import Protocol

from microblog.domain.errors import Unavailable
from microblog.http.request import Request
from microblog.http.responses import Document, Json, Response
from microblog.http.routing import Routes


class Readiness(Protocol):
    """What ``/ready`` needs from the application."""

    async def ready(self) -> None:
        """Return when the database answers and its schema is current.

        :raises Unavailable: with the reason.
        """
        ...


routes = Routes("health")


@routes.get("/health", viewer="none", limit=None)
async def health(_: Readiness, request: Request) -> Response:
    """Report that the process is alive: "OK", as Mastodon does, or JSON if the client accepts that."""
    return Json({"status": "ok"}) if request.wants_json else Document("OK")


@routes.get("/ready", viewer="none", limit=None)
async def ready(readiness: Readiness, request: Request) -> Response:
    """Report whether the process can serve requests: the database answers, and the process is not about to stop."""
    try:
        if request.raw.site.draining:
            raise Unavailable("This process is about to stop.")
        await readiness.ready()
    except Unavailable as error:
        return Json({"status": "unavailable", "error": error.text}, status=503, headers={"Retry-After": "5"})
    return Json({"status": "ready"})
