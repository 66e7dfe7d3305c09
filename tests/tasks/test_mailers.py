"""A maildir instead of a mail server."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest

from microblog.config.load import Config
from microblog.store.engine.database import Database
from microblog.tasks.mailers import Maildir, MailError
from microblog.tasks.service import mailer_for
from tests.tasks.logs import logged
from tests.tasks.post import Post, mentioned


async def test_without_a_server_mail_lands_in_a_maildir_and_the_log_says_where(
    db: Database, config: Config, reactor_: Any
) -> None:
    mailer = mailer_for(config, reactor_)
    assert isinstance(mailer, Maildir)
    post = Post(db, config, mailer)
    bob, *_ = await mentioned(post)
    with logged() as lines:
        await post.run(account=bob)
    [file] = (config.data_dir / "mail" / "new").iterdir()
    parsed = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert parsed["Subject"] == "Alice mentioned you · HtmlSite"
    assert file.stat().st_mode & 0o777 == 0o600
    assert any(str(config.data_dir / "mail") in line for line in lines)
    assert not any("bob@" in line for line in lines)


async def test_sent_twice_it_is_one_file_also_when_it_was_read(
    config: Config, reactor_: Any, post: Post
) -> None:
    maildir = Maildir(config.data_dir / "mail", reactor_)
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    [message] = post.messages
    await maildir.send(message)
    await maildir.send(message)
    [file] = (config.data_dir / "mail" / "new").iterdir()
    file.rename(config.data_dir / "mail" / "cur" / f"{file.name}:2,S")
    await maildir.send(message)
    assert list((config.data_dir / "mail" / "new").iterdir()) == []


async def test_a_maildir_that_can_not_be_written_is_tried_again(
    config: Config, reactor_: Any, post: Post
) -> None:
    (config.data_dir / "mail").write_text("a file")
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    with pytest.raises(MailError) as caught:
        await Maildir(config.data_dir / "mail", reactor_).send(post.messages[0])
    assert not caught.value.permanent
