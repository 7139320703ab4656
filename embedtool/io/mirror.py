"""A mirror of web servers, for machines that reach no other."""

import os
import re

from embedtool.errors import ConfigError

MIRROR_VARIABLE = "EMBEDTOOL_MIRROR"
SCHEME = re.compile(r"https?://")


def mirrored(url: str) -> str:
    """Return the address from which a file is fetched: on the mirror, if EMBEDTOOL_MIRROR is set.

    The mirror has a folder for each host: https://HOST/PATH is fetched from MIRROR/HOST/PATH.

    Raises
    ------
    ConfigError
        If the mirror is no web server.
    """
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror and not SCHEME.match(mirror):
        raise ConfigError(f"{MIRROR_VARIABLE}={mirror}: must begin with http:// or https://")
    return f"{mirror.rstrip('/')}/{SCHEME.sub('', url, count=1)}" if mirror else url
