"""Fixtures of the tasks' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.config.load import Config
from microblog.services.jobs import Jobs
from microblog.store.engine.database import Database
from tests.tasks.post import Post
from tests.tasks.site import People


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config.load(
        {"data_dir": str(tmp_path), "public_url": "https://social.example", "site_name": "HtmlSite"}, {}
    )


@pytest.fixture
def post(db: Database, config: Config) -> Post:
    return Post(db, config)


@pytest.fixture
def jobs(db: Database) -> Jobs:
    return Jobs(db)


@pytest.fixture
def people(db: Database) -> People:
    return People(db)
