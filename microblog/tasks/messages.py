"""Mails as their readers get them: plain text and HTML from templates, with the headers that mail programs want.

Each header has its purpose: a Message-ID that is the same each time a mail is sent, so that one which was sent twice
shows once; ``References`` to the thread, so that mails about one conversation stand together (RFC 5322, section 3.6.4);
``List-Unsubscribe`` with its POST for one click (RFC 8058); ``Auto-Submitted``, so that no absence notice comes back
(RFC 3834).  Only ``EmailMessage`` builds them: it refuses line breaks in headers.
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

#: News that are shown in one mail; of the others it says how many there are.
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
    """Writes mails.  ``folder``: the templates; ``now``: the clock, aware."""

    def __init__(self, config: Config, folder: Path, now: Callable[[], datetime]) -> None:
        self._config = config
        self._now = now
        self._host = parseaddr(config.mail_from)[1].rpartition("@")[2]
        translations = NullTranslations()  # the one place to give a reader's language its catalogue
        self._gettext = translations.gettext
        self._ngettext = translations.ngettext
        self._templates = compile_templates(
            folder,
            translations,
            {"site_name": config.site_name, "base_url": config.public_url},
            prefix="mail/",
        )

    def notifications(self, notice: Notice) -> EmailMessage:
        """One mail about all of it."""
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
        if self._url("/").startswith("https://"):  # nothing else may be posted to (RFC 8058, section 3.1)
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        threads = {each.post.thread_id if each.post else None for each in notice.news}
        thread = threads.pop() if len(threads) == 1 else None
        if thread is not None:
            message["In-Reply-To"] = message["References"] = f"<thread.{thread}@{self._host}>"
        return message

    def reset(self, recipient: Recipient, token: str, job_id: int) -> EmailMessage:
        """The link to set a new password."""
        return self._message(
            recipient,
            self._gettext("Your new password"),
            f"reset.{job_id}",
            "reset",
            {"url": self._url(f"/password/reset/{token}")},
        )

    def welcome(self, recipient: Recipient, token: str, job_id: int) -> EmailMessage:
        """The link that confirms the address."""
        return self._message(
            recipient,
            self._gettext("Please confirm your address"),
            f"welcome.{job_id}",
            "welcome",
            {"url": self._url(f"/confirm/{token}"), "pending": recipient.state == "pending"},
        )

    def confirm(self, recipient: Recipient, token: str, job_id: int) -> EmailMessage:
        """The link that confirms an address, asked for later: sent again, or to another address."""
        return self._message(
            recipient,
            self._gettext("Please confirm your address"),
            f"confirm.{job_id}",
            "confirm",
            {"url": self._url(f"/confirm/{token}")},
        )

    def changing(self, recipient: Recipient, job_id: int) -> EmailMessage:
        """To the address until now: another is to take its place. It does not say which."""
        return self._message(
            recipient,
            self._gettext("Your mail address is to be changed"),
            f"changing.{job_id}",
            "changing",
            {"reset_url": self._url("/password/forgotten"), "url": self._url("/settings/email")},
        )

    def taken(self, warned: Warned, job_id: int) -> EmailMessage:
        """To the owner of an address that somebody else signed up with."""
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
        """They may log in now."""
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
        # A display name is any text: not for the mailbox of somebody who may have nothing to do with the account.
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
    """The text with its lines, each made harmless, and not much longer than a post here can be."""
    lines = [one_line(line, EXCERPT_LENGTH) for line in text[: EXCERPT_LENGTH * 2].splitlines()]
    kept = "\n".join(lines).strip()
    return kept if len(kept) <= EXCERPT_LENGTH else kept[:EXCERPT_LENGTH].rstrip() + "…"
