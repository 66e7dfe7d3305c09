"""The background work of a process: jobs, mail, daily statistics, trends, pruning; and counting live readers."""

from __future__ import annotations

import os
import socket
from typing import Any, Final

from twisted.logger import Logger

from microblog.config.load import Config
from microblog.runtime.resources import templates_dir
from microblog.services.deletion import ERASE
from microblog.services.follows import ACCEPT
from microblog.services.jobs import Job
from microblog.services.microblog import Microblog
from microblog.tasks.jobs import Done, Later, Worker
from microblog.tasks.mail import MailJobs
from microblog.tasks.mailers import Maildir, Mailer
from microblog.tasks.messages import Messages
from microblog.tasks.periodic import Periodic
from microblog.tasks.smtp import SmtpMailer

log = Logger()

#: Seconds between two runs.
STATISTICS_EVERY: Final = 60.0
ENDING_EVERY: Final = 60.0
PRUNING_EVERY: Final = 3600.0
SAMPLE_EVERY: Final = 15.0
TRENDS_EVERY: Final = 300.0
TAGS_EVERY: Final = 60.0
#: Seconds that a long job runs at a time, well below its lease. Then other jobs have their turn.
SHARE: Final = 60.0


def mailer_for(config: Config, reactor: Any) -> Mailer:
    """Return the mailer of the settings: the mail server, or a maildir in the data directory."""
    if config.smtp is None:
        return Maildir(config.data_dir / "mail", reactor)
    return SmtpMailer(config.smtp, config.mail_from, config.host, reactor)


class Tasks:
    """The work of a process with the role ``tasks``. Any number of processes may have the role."""

    def __init__(self, microblog: Microblog, reactor: Any, mailer: Mailer | None = None) -> None:
        self._microblog = microblog
        config, now = microblog.config, microblog.now
        mail = MailJobs(
            microblog.outgoing_mail,
            Messages(config, templates_dir(), now),
            mailer or mailer_for(config, reactor),
            now,
        )
        handlers = {
            **mail.handlers,
            "password.asked": self._mail_reset,
            ERASE: self._erase,
            ACCEPT: self._accept,
        }
        self.worker = Worker(microblog.jobs, handlers, reactor)
        self._counting = Periodic("the daily statistics", self._compute, STATISTICS_EVERY, reactor)
        self._periodic = (
            self._counting,
            Periodic("ending what ended", microblog.pruning.end, ENDING_EVERY, reactor),
            Periodic("pruning", self._prune, PRUNING_EVERY, reactor),
            Periodic("counting tags", microblog.tag_counts.catch_up, TAGS_EVERY, reactor),
            Periodic("trends", self._trends, TRENDS_EVERY, reactor),
        )

    def start(self) -> None:
        self._microblog.jobs.when_due(self.worker.wake)
        self.worker.start()
        for each in self._periodic:
            each.start()

    async def drain(self, seconds: float) -> None:
        """Start nothing more. Running jobs get ``seconds`` to finish; then they return to the queue."""
        for each in self._periodic:
            await each.stop()
        await self.worker.drain(seconds)

    async def _mail_reset(self, job: Job) -> Done:
        """Mail a link for a new password, if an account has the address."""
        await self._microblog.credentials.request_reset(job.payload["email"], job.payload.get("place"))
        return Done()

    async def _erase(self, job: Job) -> Done | Later:
        """Delete the rows of an account, for at most SHARE seconds at a time."""
        done = await self._microblog.deletion.delete_rows(job.payload["account"], SHARE)
        return Done() if done else Later(0.0)

    async def _accept(self, job: Job) -> Done | Later:
        """Accept the follow requests of an account that was unlocked."""
        done = await self._microblog.follows.accept_waiting(job.payload["account"], SHARE)
        return Done() if done else Later(0.0)

    async def _compute(self) -> None:
        counted = await self._microblog.statistics.compute_missing()
        if counted:
            log.info("days added to the statistics: {count}", count=counted)
            self._counting.wake()  # there may be more

    async def _trends(self) -> None:
        await self._microblog.trends.compute()

    async def _prune(self) -> None:
        gone = await self._microblog.pruning.prune()
        if gone:
            shown = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in gone.items())
            log.info("pruned: {shown}", shown=shown)


class ReaderSamples:
    """Records how many live readers this process has, in every process, whatever its roles."""

    def __init__(self, microblog: Microblog, reactor: Any) -> None:
        self._microblog = microblog
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._periodic = Periodic("counting live readers", self._sample, SAMPLE_EVERY, reactor)

    def start(self) -> None:
        self._periodic.start()

    async def stop(self) -> None:
        await self._periodic.stop()

    async def _sample(self) -> None:
        await self._microblog.statistics.sample_readers(self._process, self._microblog.dispatcher.readers)
