"""Well-known addresses: WebFinger, NodeInfo and the password change.

WebFinger (RFC 7033) answers for this site's accounts, under the host of ``public_url``.  NodeInfo
(nodeinfo.diaspora.software, schemas 2.0 and 2.1) describes the software.  Its ``protocols`` is empty as long as the
site speaks no federation protocol, although the schema asks for at least one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import microblog
from microblog.domain.errors import NotFound
from microblog.http.forms import MalformedRequest
from microblog.http.responses import Json, Redirect, Response
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.config.load import Config
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("wellknown", cors=True)

_ACCT: Final = re.compile(r"(?:acct:)?@?([^@\s]+)@([^@\s]+)", re.IGNORECASE)
_SCHEMA: Final = "http://nodeinfo.diaspora.software/ns/schema/"


@routes.get("/.well-known/webfinger", viewer="none", public=True)
async def webfinger(site: Microblog, request: Request) -> Response:
    """Return the account of an ``acct:name@host`` or of a profile's address (RFC 7033)."""
    resource = request.query.get("resource")
    if not resource:
        raise MalformedRequest("Say whom you look for: ?resource=acct:name@host")
    account = await site.accounts.by_name(_local_name(resource, site.config.public_url))
    base = site.config.public_url
    profile = base + account.path
    links = [
        {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": profile},
        {
            "rel": "http://webfinger.net/rel/avatar",
            "type": "image/svg+xml",
            "href": f"{base}/avatars/{account.id}.svg",
        },
        {
            "rel": "http://schemas.google.com/g/2010#updates-from",
            "type": "application/atom+xml",
            "href": f"{profile}.atom",
        },
    ]
    wanted = request.query.all("rel")
    document = {
        "subject": f"acct:{account.name}@{site.config.netloc}",
        "aliases": [profile],
        "links": [link for link in links if not wanted or link["rel"] in wanted],
    }
    return Json(document, content_type="application/jrd+json", public=True, max_age=3600)


def _local_name(resource: str, public_url: str) -> str:
    """Return the account name in ``resource``.

    :raises NotFound: it belongs to another host, or has an unknown form.
    """
    ours = urlsplit(public_url)
    if resource.lower().startswith(("https://", "http://")):
        try:
            url = urlsplit(resource)
        except ValueError as error:
            raise NotFound from error
        match = re.fullmatch(r"/@([^/@]+)/?", unquote(url.path))
        if url.netloc.lower() == ours.netloc and match:
            return match[1].lower()
    elif (match := _ACCT.fullmatch(resource)) and match[2].lower() in (ours.netloc, ours.hostname):
        return unquote(match[1]).lower()
    raise NotFound


@routes.get("/.well-known/nodeinfo", viewer="none", public=True)
async def nodeinfo_links(site: Microblog, request: Request) -> Response:
    """List the addresses of the NodeInfo documents."""
    links = [
        {"rel": _SCHEMA + version, "href": f"{site.config.public_url}/nodeinfo/{version}"}
        for version in ("2.1", "2.0")
    ]
    return Json({"links": links}, public=True, max_age=3600)


@routes.get("/nodeinfo/2.0", name="nodeinfo_2_0", viewer="none", public=True, summary="Return NodeInfo 2.0")
@routes.get("/nodeinfo/2.1", name="nodeinfo_2_1", viewer="none", public=True, summary="Return NodeInfo 2.1")
async def nodeinfo(site: Microblog, request: Request) -> Response:
    """Describe the software and its use."""
    version = request.path.strip("/").rpartition("/")[2]
    software = {"name": "microblog", "version": microblog.__version__}
    if version == "2.1" and site.config.source_url is not None:
        software["repository"] = site.config.source_url
    facts = await site.about.facts()
    document: dict[str, Any] = {
        "version": version,
        "software": software,
        "protocols": [],
        "services": {"inbound": [], "outbound": ["atom1.0", "rss2.0"]},
        "openRegistrations": site.config.registration == "open",
        "usage": {
            "users": {
                "total": facts.people,
                "activeMonth": facts.active_month,
                "activeHalfyear": facts.active_half_year,
            },
            "localPosts": facts.posts,
        },
        "metadata": {
            **_operator(site.config),
            "nodeName": site.config.site_name,
            "nodeDescription": site.config.site_description,
            # Some apps choose the protocol they speak to a site by this.
            "upstream": {"name": "mastodon"},
        },
    }
    return Json(
        document,
        content_type=f'application/json; profile="{_SCHEMA}{version}#"',
        public=True,
        max_age=1800,
    )


@routes.get("/.well-known/change-password", viewer="none", public=True)
async def change_password(_site: Microblog, _request: Request) -> Response:
    """Redirect password managers to the password form (W3C: A Well-Known URL for Changing Passwords)."""
    return Redirect("/settings/password", status=302)


def _operator(config: Config) -> dict[str, Any]:
    """Return the operator, under the names that NodeInfo clients use; only what the settings contain."""
    metadata: dict[str, Any] = {}
    maintainer = {"name": config.operator, "email": config.contact_email}
    if known := {name: value for name, value in maintainer.items() if value}:
        metadata["maintainer"] = known
    if config.rules:
        metadata["tosUrl"] = f"{config.public_url}/about#rules"
    if config.privacy_policy:
        metadata["privacyPolicyUrl"] = f"{config.public_url}/about#privacy"
    return metadata
