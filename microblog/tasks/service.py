"""All tasks as one service: the worker with its mail, the daily statistics, pruning."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from microblog.config import Config
from microblog.services.jobs import Jobs
from microblog.services.outgoing_mail import OutgoingMail
from microblog.services.pruning import Pruning
from microblog.services.statistics import Statistics
from microblog.tasks.jobs import Worker
from microblog.tasks.mail import MailJobs
from microblog.tasks.mailers import Maildir, Mailer
from microblog.tasks.messages import Messages
from microblog.tasks.periodic import Periodic
from microblog.tasks.smtp import SmtpMailer

log = Logger()

#: Seconds between looks.
STATISTICS_EVERY: Final = 60.0
PRUNING_EVERY: Final = 60.0
SAMPLE_EVERY: Final = 15.0

#: The channel of PostgreSQL's NOTIFY that says there may be a job.
CHANNEL: Final = "jobs"


def mailer_for(config: Config, reactor: Any) -> Mailer:
    """The mail server of the settings, else a maildir in the data directory."""
    if config.smtp is None:
        return Maildir(config.data_dir / "mail", reactor)
    return SmtpMailer(config.smtp, config.mail_from, config.host, reactor)


class Tasks(Service):
    """What the process does by itself.  ``wake()`` says that a job may be due; ``now`` is the aware clock."""

    name = "tasks"

    def __init__(
        self,
        config: Config,
        jobs: Jobs,
        mail: OutgoingMail,
        statistics: Statistics,
        pruning: Pruning,
        *,
        templates: Path,
        now: Callable[[], datetime],
        reactor: Any,
        mailer: Mailer | None = None,
    ) -> None:
        self._config = config
        self._statistics = statistics
        self._pruning = pruning
        sender = mailer or mailer_for(config, reactor)
        handlers = MailJobs(mail, Messages(config, templates, now), sender, now).handlers
        self._worker = Worker(jobs, handlers, reactor)
        self._periodic = (
            Periodic("the daily statistics", self._compute, STATISTICS_EVERY, reactor),
            Periodic("pruning", self._prune, PRUNING_EVERY, reactor),
        )

    def wake(self) -> None:
        """A job may be due.  Cheap, and synchronous."""
        self._worker.wake()

    def startService(self) -> None:
        super().startService()
        self._worker.start()
        for each in self._periodic:
            each.start()

    def stopService(self) -> Deferred[None]:
        """Takes nothing more; running jobs get the drain timeout, and are handed back after that."""
        super().stopService()
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        for each in self._periodic:
            await each.stop()
        await self._worker.drain(self._config.drain_timeout)

    async def _compute(self) -> None:
        counted = await self._statistics.compute_missing()
        if counted:
            log.info("{count} day(s) were added to the statistics", count=counted)

    async def _prune(self) -> None:
        gone = await self._pruning.prune()
        if gone:
            shown = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in gone.items())
            log.info("pruned: {shown}", shown=shown)


class ReaderSamples(Service):
    """Notes how many live readers this process has: in each process that has any, whether it runs tasks or not."""

    name = "reader samples"

    def __init__(self, statistics: Statistics, readers: Callable[[], int], reactor: Any) -> None:
        self._statistics = statistics
        self._readers = readers
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._periodic = Periodic("counting live readers", self._sample, SAMPLE_EVERY, reactor)

    def startService(self) -> None:
        super().startService()
        self._periodic.start()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return ensureDeferred(self._periodic.stop())

    async def _sample(self) -> None:
        await self._statistics.sample_readers(self._process, self._readers())
