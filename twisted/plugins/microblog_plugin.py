"""What makes ``twistd microblog`` known to twistd; all else is in :mod:`microblog.tap`."""

from twisted.application.service import ServiceMaker

microblog = ServiceMaker(
    "Microblog",
    "microblog.tap",
    "A small social network: a website, a push port one can read with netcat, and its tasks.",
    "microblog",
)
