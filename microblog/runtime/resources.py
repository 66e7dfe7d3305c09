"""Where the files that are not Python are, in a checkout and in an installation."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


def templates_dir() -> Path:
    """The folder of the Jinja2 templates.

    A checkout has it beside the package; a wheel puts it below the environment's ``share`` (setup.cfg,
    ``options.data_files``).  ``setup.cfg`` is asked for too, because in an installation the folder beside the
    package is site-packages, where a ``templates`` could be anybody's.

    Raises:
        FileNotFoundError: neither is there; names the places looked at.
    """
    beside = _CHECKOUT / "templates"
    if beside.is_dir() and (_CHECKOUT / "setup.cfg").is_file():
        return beside
    looked_at = [beside]
    for prefix in dict.fromkeys((sys.prefix, sysconfig.get_path("data"), _user_prefix())):
        if prefix is None:
            continue
        shared = Path(prefix) / "share" / "microblog" / "templates"
        if shared.is_dir():
            return shared
        looked_at.append(shared)
    places = ", ".join(str(place) for place in looked_at)
    raise FileNotFoundError(
        f"Microblog's templates are not installed: looked at {places}. Install it again with pip."
    )


def _user_prefix() -> str | None:
    """Where ``pip install --user`` puts data files."""
    try:
        return sysconfig.get_path("data", sysconfig.get_preferred_scheme("user"))
    except KeyError:
        return None
