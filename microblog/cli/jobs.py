"""``microblog jobs``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from microblog.cli.printing import err, id_from, show, table_of
from microblog.cli.running import Settings
from microblog.domain.text import one_line
from microblog.services.microblog import Microblog


@click.group("jobs")
def job() -> None:
    """Look at the jobs that failed for good, and try them again."""


@job.command("list")
@click.pass_obj
def list_jobs(settings: Settings) -> None:
    """Show parked jobs, newest first, with what went wrong."""

    async def work(microblog: Microblog) -> tuple[list[Any], int]:
        return await microblog.jobs.parked(), await microblog.jobs.waiting()

    parked, waiting = settings.run(work)
    table = table_of("Id", "Kind", "Parked", "Tries", "Last error")
    for each in parked:
        table.add_row(
            str(each.id),
            each.kind,
            f"{each.parked_at:%Y-%m-%d %H:%M}" if each.parked_at else "",
            str(each.attempts),
            one_line(each.last_error or "", 200),
        )
    show(table, bool(parked), "No job is parked.")
    err.print(f"{waiting} {'job is' if waiting == 1 else 'jobs are'} waiting or running.", style="dim")


@job.command("retry")
@click.argument("job_ids", metavar="ID…", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All parked ones.")
@click.pass_obj
def retry_jobs(settings: Settings, job_ids: Sequence[str], every: bool) -> None:
    """Put parked jobs back into the queue, with all their tries."""
    if bool(job_ids) == every:
        raise click.UsageError("Name the jobs by their ids (see: microblog jobs list), or say --all.")
    wanted = [id_from(each) for each in job_ids]

    async def work(microblog: Microblog) -> int:
        chosen = [each.id for each in await microblog.jobs.parked()] if every else wanted
        for each in chosen:
            await microblog.jobs.retry(each)
        return len(chosen)

    count = settings.run(work)
    err.print(f"{count} {'job is' if count == 1 else 'jobs are'} in the queue again.")
