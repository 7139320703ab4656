"""What the classes share when they save and load."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtool.formats.foreign import check_is_not_foreign
from embedtool.gensim.errors import WrongModelError

log = logging.getLogger(__name__)


def check_no_pickle(path: str | Path) -> None:
    """Raise FormatError if a file is a pickle, as gensim's are; these are never opened."""
    if Path(path).is_file():
        check_is_not_foreign(Path(path), None)


def warn_ignored(where: str, arguments: Mapping[str, Any], reason: str = "") -> None:
    """Log a warning about arguments that make no difference."""
    if arguments:
        names = ", ".join(sorted(arguments))
        log.warning("%s: ignored, as it makes no difference: %s%s", where, names, reason)


class class_only(classmethod):  # type: ignore[type-arg]  # noqa: N801  # named like classmethod
    """A classmethod that an instance does not have, because it would not change the instance."""

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is not None:
            name = self.__func__.__name__
            raise WrongModelError(
                f"{name} returns a new model: call it on the class, {type(instance).__name__}.{name}"
            )
        return super().__get__(instance, owner)
