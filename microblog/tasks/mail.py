"""Mail jobs: gather the content, render it, send it, record that it was sent.

==================  ============================  ===============================================================
kind                payload                       mail
==================  ============================  ===============================================================
mail.notifications  {"account"}                   the unread notifications in one mail; none when all were read
mail.reset          {"account", "request"}        the link to set a new password; not sent after an hour
mail.welcome        {"account", "request"}        the link that confirms the address
mail.confirm        {"account", "request", "to"}  the same, sent again or to another address
mail.changing       {"account", "to"}             a notice to the present address that another was requested
mail.approved       {"account"}                   the approval of the sign-up
==================  ============================  ===============================================================

If another account has confirmed the address, ``mail.welcome`` and ``mail.confirm`` warn its owner instead of
sending the link.

A mail may be sent twice when a process dies after the mail server took it; both have the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

from microblog.services.jobs import Effect, Job
from microblog.services.outgoing_mail import OutgoingMail, Recipient, Wait, Warned
from microblog.tasks.jobs import Done, ExpectedFailure, GiveUp, Handler, Later
from microblog.tasks.mailers import Mailer, MailError
from microblog.tasks.messages import Messages

RESET_VALID: Final = timedelta(hours=1)


class MailJobs:
    """The handlers of the jobs above."""

    def __init__(
        self, rules: OutgoingMail, messages: Messages, mailer: Mailer, now: Callable[[], datetime]
    ) -> None:
        self._rules = rules
        self._messages = messages
        self._mailer = mailer
        self._now = now

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {
            "mail.notifications": self.notifications,
            "mail.reset": self.reset,
            "mail.welcome": self.welcome,
            "mail.confirm": self.confirm,
            "mail.changing": self.changing,
            "mail.approved": self.approved,
        }

    async def notifications(self, job: Job) -> Done | Later:
        notice = await self._rules.notice(job.payload["account"])
        if notice is None:
            return Done()
        if isinstance(notice, Wait):
            return Later(notice.seconds)
        effect = self._rules.notice_sent(notice)
        return await self._send(notice.recipient, self._messages.notifications(notice), effect)

    async def reset(self, job: Job) -> Done | Later:
        if self._now() - job.created_at >= RESET_VALID:
            return Done()
        return await self._link(job, lambda to, token: self._messages.reset(to, token, job.id))

    async def welcome(self, job: Job) -> Done | Later:
        return await self._confirmation(job, lambda to, token: self._messages.welcome(to, token, job.id))

    async def confirm(self, job: Job) -> Done | Later:
        return await self._confirmation(job, lambda to, token: self._messages.confirm(to, token, job.id))

    async def changing(self, job: Job) -> Done | Later:
        recipient = await self._rules.former(job.payload["account"], job.payload["to"])
        if recipient is None:
            return Done()
        if isinstance(recipient, Wait):
            return Later(recipient.seconds)
        message = self._messages.changing(recipient, job.id)
        return await self._send(recipient, message, self._rules.sent(recipient))

    async def approved(self, job: Job) -> Done | Later:
        recipient = await self._rules.addressee(job.payload["account"])
        if recipient is None:
            return Done()
        if isinstance(recipient, Wait):
            return Later(recipient.seconds)
        message = self._messages.approved(recipient, job.id)
        return await self._send(recipient, message, self._rules.sent(recipient))

    async def _confirmation(self, job: Job, write: Callable[[Recipient, str], EmailMessage]) -> Done | Later:
        to = await self._rules.confirmation(job.payload["account"], job.payload.get("to"))
        if to is None:
            return Done()
        if isinstance(to, Wait):
            return Later(to.seconds)
        if isinstance(to, Warned):
            return await self._send(to.owner, self._messages.taken(to, job.id), self._rules.warned(to))
        link = await self._rules.link(job.payload)
        if link is None:
            return Done()
        return await self._send(to, write(to, link), self._rules.sent(to))

    async def _link(self, job: Job, write: Callable[[Recipient, str], EmailMessage]) -> Done | Later:
        recipient = await self._rules.addressee(job.payload["account"])
        if recipient is None:
            return Done()
        if isinstance(recipient, Wait):
            return Later(recipient.seconds)
        link = await self._rules.link(job.payload)
        if link is None:
            return Done()
        return await self._send(recipient, write(recipient, link), self._rules.sent(recipient))

    async def _send(self, recipient: Recipient, message: EmailMessage, effect: Effect) -> Done:
        try:
            await self._mailer.send(message)
        except MailError as error:
            if error.permanent:
                raise GiveUp(error.text, self._rules.bounced(recipient) if error.address else None) from error
            raise ExpectedFailure(error.text) from error
        return Done(effect)
