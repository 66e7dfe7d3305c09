"""Jinja2 templates: always escaped, without undefined names, compiled at start.

Templates see these names beside the values of the page:

``site``                  ``site.name``, ``site.description``, ``site.public_url``, ``site.languages`` …: the record
                          that ``Templates`` got
``request``, ``viewer``   the Request, and the Viewer or None
``flashes``               messages for the top of the page, as a list of texts; reading them removes them
``csrf_token()``          for ``<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">``; it makes the
                          answer personal, so only pages with a form call it
``static_url('site.css')``  the file's address with the hash of its content, cached for a year
``now()``                 the current time, with a time zone
``_('…')``, ``{% trans %}``  translation; every text of the site goes through one of them

Filters: ``relative_time`` (a datetime as ``<time>``, with the full date as its title; with ``ago=true`` as the end of a
sentence), ``date`` (a day, or with ``date('full')`` the time too), ``count`` (1,234 and 12.3K), and ``initial`` and
``colour`` of an account's avatar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from markupsafe import Markup

from microblog.domain.avatars import colour, initial
from microblog.runtime.templating import compile_templates

LOCALE = "en"


class Templates:
    """The compiled templates of ``directory``.

    ``static_url`` returns the address of a static file by its name.  ``site`` is any record or mapping that templates
    read as ``site``.  ``now`` is the clock.

    :raises jinja2.TemplateError: a template is broken.
    """

    def __init__(
        self,
        directory: Path,
        static_url: Callable[[str], str],
        site: object,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._translations = NullTranslations()
        self._compiled = compile_templates(
            directory,
            self._translations,
            {"site": site, "static_url": static_url, "now": now},
            {
                "relative_time": self.relative_time,
                "date": format_day,
                "count": format_count,
                "initial": initial,
                "colour": colour,
            },
        )

    def __contains__(self, name: str) -> bool:
        return name in self._compiled

    def render(self, name: str, values: Mapping[str, object] | None = None, /, **more: object) -> str:
        """Return the template ``name`` rendered with ``values``.

        :raises KeyError: there is no template ``name``.
        """
        return self._compiled[name].render(values or {}, **more)

    def relative_time(self, when: datetime, ago: bool = False) -> Markup:
        """Return ``<time datetime="…" title="the full date">5 min</time>``, with the date after a week.

        ``ago``: as the end of a sentence, after “used” or “seen”: “just now”, “5 min ago”, “on 4 Mar 2026”.
        """
        seconds = (self._now() - when).total_seconds()
        _ = self._translations.gettext
        if seconds < 60:
            text = _("just now") if ago else _("now")
        elif seconds < 3600:
            text = (_("%(count)s min ago") if ago else _("%(count)s min")) % {"count": int(seconds // 60)}
        elif seconds < 86_400:
            text = (_("%(count)s h ago") if ago else _("%(count)s h")) % {"count": int(seconds // 3600)}
        elif seconds < 7 * 86_400:
            text = (_("%(count)s d ago") if ago else _("%(count)s d")) % {"count": int(seconds // 86_400)}
        else:
            text = _("on %(day)s") % {"day": format_day(when)} if ago else format_day(when)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), format_day(when, "full"), text
        )


@lru_cache(maxsize=4096)
def format_day(when: date | datetime, style: str = "day") -> str:
    """Return a day as ``4 Mar 2026``, or with ``"full"`` as ``4 March 2026 at 17:05 UTC``."""
    if style == "full" and isinstance(when, datetime):
        moment = when.astimezone(UTC)
        return format_datetime(moment, "d MMMM y 'at' HH:mm", tzinfo=UTC, locale=LOCALE) + " UTC"
    return format_date(when, "d MMMM y" if style == "full" else "d MMM y", locale=LOCALE)


@lru_cache(maxsize=4096)
def format_count(number: int) -> str:
    """Return a number in short form: ``1,234`` for 1234, ``12.3K`` for 12,345, ``1.2M`` for 1,234,567."""
    if number < 10_000:
        return format_decimal(number, locale=LOCALE)
    for size, letter in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")):
        if number >= size:
            tenths = number * 10 // size  # rounds down: 999,999 is not yet a million
            return (
                f"{tenths // 10}{letter}"
                if tenths >= 1000 or tenths % 10 == 0
                else f"{tenths / 10:.1f}{letter}"
            )
    raise AssertionError(number)
