"""The places of files that are not Python, in a checkout and in an installation."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


def templates_dir() -> Path:
    """Return the folder of the Jinja2 templates.

    A checkout has it beside the package; a wheel puts it below the environment's ``share`` (setup.cfg,
    ``options.data_files``).  A checkout also has a ``setup.cfg``: in an installation, the folder beside the package is
    site-packages, where a ``templates`` could belong to another package.

    Raises:
        FileNotFoundError: neither folder exists; the text names the places searched.
    """
    beside = _CHECKOUT / "templates"
    if beside.is_dir() and (_CHECKOUT / "setup.cfg").is_file():
        return beside
    searched = [beside]
    for prefix in dict.fromkeys((sys.prefix, sysconfig.get_path("data"), _user_prefix())):
        if prefix is None:
            continue
        shared = Path(prefix) / "share" / "microblog" / "templates"
        if shared.is_dir():
            return shared
        searched.append(shared)
    places = ", ".join(str(place) for place in searched)
    raise FileNotFoundError(
        f"Microblog's templates are not installed: looked at {places}. Install it again with pip."
    )


def _user_prefix() -> str | None:
    """Return the folder where ``pip install --user`` puts data files."""
    try:
        return sysconfig.get_path("data", sysconfig.get_preferred_scheme("user"))
    except KeyError:
        return None
