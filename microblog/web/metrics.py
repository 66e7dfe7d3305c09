"""``/metrics``: readings of this process for Prometheus, for configured addresses alone.

Behind a proxy that is not among ``trusted_proxies``, everybody seems to come from the proxy's address.  So a request
that was forwarded by somebody whom we don't know is turned away, whatever address it seems to come from.
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
    """What the page needs: the text, and who may read it.

    ``text`` takes the ``Accept`` header and gives the content type and the body.  ``unix``: whoever can reach a Unix
    socket may read, as its folder's permissions have decided already.
    """

    text: Callable[[str], Awaitable[tuple[str, bytes]]]
    allow: Sequence[Network]
    unix: bool = False

    def open_to(self, request: Request) -> bool:
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
async def metrics(readings: MetricsPage, request: Request) -> Response:
    """MetricsPage of this process, for Prometheus."""
    if not readings.open_to(request):
        raise Forbidden("These are shown to the addresses in the setting metrics_allow only.")
    content_type, body = await readings.text(request.header("accept") or "")
    return Document(body, content_type)
