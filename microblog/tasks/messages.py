"""Mails: plain text and HTML from templates, with the headers that mail programs use.

A mail that is sent twice has the same Message-ID, so that mail programs show it once. ``References`` names the thread,
so that mails about one conversation are grouped (RFC 5322, section 3.6.4). ``List-Unsubscribe`` works with one click
(RFC 8058). ``Auto-Submitted`` prevents absence notices in return (RFC 3834). ``EmailMessage`` builds all headers,
because it refuses line breaks in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from gettext import NullTranslations
from pathlib import Path
from typing import Final

from microblog.config.load import Config
from microblog.domain.text import one_line
from microblog.runtime.templating import compile_templates
from microblog.services.outgoing_mail import News, Notice, Recipient, Warned

#: Notifications that one mail shows. It only counts the others.
SHOWN: Final = 10
NAME_LENGTH: Final = 60
SUBJECT_LENGTH: Final = 120
EXCERPT_LENGTH: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One notification in a mail."""

    headline: str
    url: str
    warning: str  #: the content warning; then there is no text
    text: str


class Messages:
    """Renders mails from the templates in ``folder``. ``now`` returns the time, with a time zone."""

    def __init__(self, config: Config, folder: Path, now: Callable[[], datetime]) -> None:
        self._config = config
        self._now = now
        self._host = parseaddr(config.mail_from)[1].rpartition("@")[2]
        translations = NullTranslations()  # the place to choose the catalogue of the recipient's language
        self._gettext = translations.gettext
        self._ngettext = translations.ngettext
        self._templates = compile_templates(
            folder,
            translations,
            {"site_name": config.site_name, "base_url": config.public_url},
            prefix="mail/",
        )

    def notifications(self, notice: Notice) -> EmailMessage:
        """Return one mail about all notifications of a notice."""
        first = notice.news[0]
        single = len(notice.news) == 1
        subject = self._headline(first) if single else self._digest_subject(notice)
        message = self._message(
            notice.recipient,
            subject,
            f"{first.kind}.{first.id}",
            "notifications",
            {
                "lines": [self._line(each) for each in notice.news[:SHOWN]],
                "more": max(0, len(notice.news) - SHOWN),
                "unsubscribe_url": self._url(notice.unsubscribe),
            },
        )
        message["List-Unsubscribe"] = f"<{self._url(notice.unsubscribe)}>"
        if self._url("/").startswith("https://"):  # one-click links need HTTPS (RFC 8058, section 3.1)
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        threads = {each.post.thread_id if each.post else None for each in notice.news}
        thread = threads.pop() if len(threads) == 1 else None
        if thread is not None:
            message["In-Reply-To"] = message["References"] = f"<thread.{thread}@{self._host}>"
        return message

    def reset(self, recipient: Recipient, token: str, job_id: int) -> EmailMessage:
        """Return the mail with the link to set a new password."""
        return self._message(
            recipient,
            self._gettext("Your new password"),
            f"reset.{job_id}",
            "reset",
            {"url": self._url(f"/password/reset/{token}")},
        )

    def welcome(self, recipient: Recipient, token: str, job_id: int) -> EmailMessage:
        """Return the mail with the link that confirms the address of a sign-up."""
        return self._message(
            recipient,
            self._gettext("Please confirm your address"),
            f"welcome.{job_id}",
            "welcome",
            {"url": self._url(f"/confirm/{token}"), "pending": recipient.state == "pending"},
        )

    def confirm(self, recipient: Recipient, token: str, job_id: int) -> EmailMessage:
        """Return the mail with a later link to confirm an address: a repetition, or for another address."""
        return self._message(
            recipient,
            self._gettext("Please confirm your address"),
            f"confirm.{job_id}",
            "confirm",
            {"url": self._url(f"/confirm/{token}")},
        )

    def changing(self, recipient: Recipient, job_id: int) -> EmailMessage:
        """Return the notice to the present address that a change was requested. It does not name the new address."""
        return self._message(
            recipient,
            self._gettext("Your mail address is to be changed"),
            f"changing.{job_id}",
            "changing",
            {"reset_url": self._url("/password/forgotten"), "url": self._url("/settings/email")},
        )

    def taken(self, warned: Warned, job_id: int) -> EmailMessage:
        """Return the warning to the owner of an address that another account typed."""
        return self._message(
            warned.owner,
            self._gettext("Somebody used your mail address"),
            f"taken.{job_id}",
            "taken",
            {
                "other_name": warned.name,
                "url": self._url("/login"),
                "reset_url": self._url("/password/forgotten"),
            },
        )

    def approved(self, recipient: Recipient, job_id: int) -> EmailMessage:
        """Return the mail that tells about the approval of a sign-up."""
        return self._message(
            recipient,
            self._gettext("You are in"),
            f"approved.{job_id}",
            "approved",
            {"url": self._url("/login")},
        )

    def _message(
        self, recipient: Recipient, subject: str, unique: str, template: str, values: Mapping[str, object]
    ) -> EmailMessage:
        # A display name is free text, and an unconfirmed mailbox may belong to another person.
        own = recipient.display_name if recipient.confirmed else ""
        name = one_line(own or recipient.name, NAME_LENGTH)
        shown = {"name": name, "account_name": recipient.name, "subject": subject, **values}
        message = EmailMessage()
        message["Message-ID"] = f"<{unique}@{self._host}>"
        message["Date"] = format_datetime(self._now())
        message["From"] = self._config.mail_from
        message["To"] = Address(display_name=name, addr_spec=recipient.email)
        message["Subject"] = one_line(f"{subject} · {self._config.site_name}", SUBJECT_LENGTH)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._templates[f"mail/{template}.txt"].render(shown))
        message.add_alternative(self._templates[f"mail/{template}.html"].render(shown), subtype="html")
        return message

    def _url(self, path: str) -> str:
        return self._config.public_url + path

    def _actor(self, news: News) -> str:
        return one_line(news.actor_display_name or news.actor_name, NAME_LENGTH)

    def _headline(self, news: News) -> str:
        return self._phrases()[news.kind] % {"who": self._actor(news)}

    def _phrases(self) -> dict[str, str]:
        _ = self._gettext
        return {
            "mention": _("%(who)s mentioned you"),
            "reply": _("%(who)s replied to you"),
            "follow": _("%(who)s follows you now"),
            "follow_request": _("%(who)s asks to follow you"),
            "boost": _("%(who)s boosted your post"),
            "favourite": _("%(who)s likes your post"),
        }

    def _digest_subject(self, notice: Notice) -> str:
        names = list(dict.fromkeys(self._actor(each) for each in notice.news))
        count = len(notice.news)
        subject = self._ngettext("%(count)d notification", "%(count)d notifications", count) % {
            "count": count
        }
        if len(names) == 1:
            return self._gettext("%(subject)s from %(who)s") % {"subject": subject, "who": names[0]}
        return self._gettext("%(subject)s from %(who)s and others") % {"subject": subject, "who": names[0]}

    def _line(self, news: News) -> Line:
        post = news.post
        if post is None:
            path = "/follow-requests" if news.kind == "follow_request" else f"/@{news.actor_name}"
            return Line(self._headline(news), self._url(path), "", "")
        url = self._url(f"/@{post.author_name}/{post.id}")
        if post.sensitive and not post.summary:
            return Line(self._headline(news), url, self._gettext("Sensitive content"), "")
        if post.summary:
            return Line(self._headline(news), url, one_line(post.summary, SUBJECT_LENGTH), "")
        return Line(self._headline(news), url, "", _excerpt(post.text))


def _excerpt(text: str) -> str:
    """Return the text, each line without control characters, cut to the length of an excerpt."""
    lines = [one_line(line, EXCERPT_LENGTH) for line in text[: EXCERPT_LENGTH * 2].splitlines()]
    kept = "\n".join(lines).strip()
    return kept if len(kept) <= EXCERPT_LENGTH else kept[:EXCERPT_LENGTH].rstrip() + "…"
