"""``/metrics``: this process's metrics for Prometheus, for the configured addresses only.

Behind a proxy that is not in ``trusted_proxies``, all clients seem to have the proxy's address.  So a request that an
unknown proxy forwarded is refused, whatever its address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from microblog.domain.errors import Forbidden
from microblog.http.proxies import Network
from microblog.http.request import Request
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """The metrics' text and the clients that may read it.

    ``text`` takes the ``Accept`` header and returns the content type and the body.  ``unix``: clients of a Unix socket
    may read the metrics, because the permissions of its folder have admitted them already.
    """

    text: Callable[[str], Awaitable[tuple[str, bytes]]]
    allow: Sequence[Network]
    unix: bool = False

    def open_to(self, request: Request) -> bool:
        """Return whether the client may read the metrics."""
        peer = getattr(request.raw.getClientAddress(), "host", None) or "unix"
        if _forwarded(request) and not request.web.proxies.trusts(peer):
            return False
        client = request.remote_address
        if client == "unix":
            return self.unix
        address = ip_address(client.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.allow)


def _forwarded(request: Request) -> bool:
    return any(
        request.header(name) is not None for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via")
    )


routes = Routes("metrics")


@routes.get("/metrics", viewer="none", limit=None)
async def metrics(page: MetricsPage, request: Request) -> Response:
    """Return the metrics of this process for Prometheus."""
    if not page.open_to(request):
        raise Forbidden("These are shown to the addresses in the setting metrics_allow only.")
    content_type, body = await page.text(request.header("accept") or "")
    return Document(body, content_type)
