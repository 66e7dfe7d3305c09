"""All that a process does by itself: jobs with their mail, daily statistics, pruning; and counting live readers."""

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

#: Seconds between looks.
STATISTICS_EVERY: Final = 60.0
ENDING_EVERY: Final = 60.0
PRUNING_EVERY: Final = 3600.0
SAMPLE_EVERY: Final = 15.0
TRENDS_EVERY: Final = 300.0
TAGS_EVERY: Final = 60.0
#: Seconds that a long job works at a time, well below its lease; then other jobs have their turn.
SHARE: Final = 60.0


def mailer_for(config: Config, reactor: Any) -> Mailer:
    """The mail server of the settings, else a maildir in the data directory."""
    if config.smtp is None:
        return Maildir(config.data_dir / "mail", reactor)
    return SmtpMailer(config.smtp, config.mail_from, config.host, reactor)


class Tasks:
    """For a process with the role ``tasks``; any number of processes may have it."""

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
            "password.asked": self._look_for_reset,
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
        """Begins nothing more; running jobs get ``seconds`` to finish, and are handed back after that."""
        for each in self._periodic:
            await each.stop()
        await self.worker.drain(seconds)

    async def _look_for_reset(self, job: Job) -> Done:
        """Somebody asked for a new password with an address, which may be nobody's."""
        await self._microblog.credentials.request_reset(job.payload["email"], job.payload.get("place"))
        return Done()

    async def _erase(self, job: Job) -> Done | Later:
        """Delete the rows of an account, a share of a lease at a time."""
        done = await self._microblog.deletion.delete_rows(job.payload["account"], SHARE)
        return Done() if done else Later(0.0)

    async def _accept(self, job: Job) -> Done | Later:
        """Accept who asked to follow an account that was unlocked."""
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
    """Notes how many live readers this process has.  For every process, whatever its roles."""

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
