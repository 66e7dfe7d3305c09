"""The facts about the site that each page can use: ``site`` in the templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from microblog.domain.language import LANGUAGES, native_name
from microblog.domain.paragraphs import split_paragraphs

if TYPE_CHECKING:
    from microblog.config.load import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """``languages`` are pairs of a code and its native name, the site's own first.  ``push_port`` may be absent."""

    name: str
    description: str
    public_url: str
    host: str
    registration: str
    post_length: int
    languages: tuple[tuple[str, str], ...]
    operator: str = ""
    contact_email: str | None = None
    contact_account: str | None = None
    rules: tuple[str, ...] = ()
    privacy: tuple[str, ...] = ()  #: paragraphs
    source_url: str | None = None
    push_port: int | None = None
    software: str = "Microblog"
    version: str = ""

    @classmethod
    def of(cls, config: Config, version: str = "") -> SiteFacts:
        """Take the facts from the settings."""
        own = tuple((code, native_name(code)) for code in config.languages)
        others = tuple((each.code, each.native) for each in LANGUAGES if each.code not in config.languages)
        return cls(
            name=config.site_name,
            description=config.site_description,
            public_url=config.public_url,
            host=config.host,
            registration=config.registration,
            post_length=config.post_length,
            languages=own + others,
            operator=config.operator,
            contact_email=config.contact_email,
            contact_account=config.contact_account,
            rules=config.rules,
            privacy=tuple(split_paragraphs(config.privacy_policy)),
            source_url=config.source_url,
            push_port=_port(config.push),
            version=version,
        )


def _port(endpoints: tuple[str, ...]) -> int | None:
    """Return the first TCP port: of a ``tcp:`` endpoint, else of an ``ssl:`` one; None if there is none."""
    for kind in ("tcp", "tcp4", "tcp6", "ssl"):
        for endpoint in endpoints:
            name, _, rest = endpoint.partition(":")
            number = rest.partition(":")[0].removeprefix("port=")
            if name == kind and number.isdecimal() and int(number):
                return int(number)
    return None
