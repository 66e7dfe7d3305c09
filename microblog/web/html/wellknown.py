"""What other programs look for at agreed places: WebFinger, NodeInfo, where the password is changed.

WebFinger (RFC 7033) answers for the people of this site, under the host of ``public_url``.  NodeInfo
(nodeinfo.diaspora.software, schemas 2.0 and 2.1) says what runs here; ``protocols`` stays empty as long as
the site speaks no federation protocol: it says what is, where the schema would like at least one.
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
    """Who is behind ``acct:name@host`` or a profile's address (RFC 7033)."""
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
    """The name in ``resource``.

    :raises NotFound: it belongs to another host, or is of no form that is known here.
    """
    ours = urlsplit(public_url)
    if resource.lower().startswith(("https://", "http://")):
        try:
            asked = urlsplit(resource)
        except ValueError as error:
            raise NotFound from error
        found = re.fullmatch(r"/@([^/@]+)/?", unquote(asked.path))
        if asked.netloc.lower() == ours.netloc and found:
            return found[1].lower()
    elif (found := _ACCT.fullmatch(resource)) and found[2].lower() in (ours.netloc, ours.hostname):
        return unquote(found[1]).lower()
    raise NotFound


@routes.get("/.well-known/nodeinfo", viewer="none", public=True)
async def nodeinfo_links(site: Microblog, request: Request) -> Response:
    """Where the NodeInfo documents are."""
    links = [
        {"rel": _SCHEMA + version, "href": f"{site.config.public_url}/nodeinfo/{version}"}
        for version in ("2.1", "2.0")
    ]
    return Json({"links": links}, public=True, max_age=3600)


@routes.get("/nodeinfo/2.0", name="nodeinfo_2_0", viewer="none", public=True, summary="NodeInfo 2.0")
@routes.get("/nodeinfo/2.1", name="nodeinfo_2_1", viewer="none", public=True, summary="NodeInfo 2.1")
async def nodeinfo(site: Microblog, request: Request) -> Response:
    """What runs here, and how busy it is."""
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
            # Some apps choose by this which protocol they speak to a site.
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
    """Where the password is changed, for password programs (W3C: A Well-Known URL for Changing Passwords)."""
    return Redirect("/settings/password", status=302)


def _operator(config: Config) -> dict[str, Any]:
    """Who runs the site, by the names that readers of NodeInfo agree on, as far as the settings say."""
    found: dict[str, Any] = {}
    maintainer = {"name": config.operator, "email": config.contact_email}
    if known := {name: value for name, value in maintainer.items() if value}:
        found["maintainer"] = known
    if config.rules:
        found["tosUrl"] = f"{config.public_url}/about#rules"
    if config.privacy_policy:
        found["privacyPolicyUrl"] = f"{config.public_url}/about#privacy"
    return found
