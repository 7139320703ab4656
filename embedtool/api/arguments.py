"""Arguments by keyword that a method passes on."""

from collections.abc import Iterable


def check_names(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError, which names the method that was called, if an option is not known."""
    known = list(known)
    for name in given:
        if name not in known:
            raise TypeError(
                f"{function}() has no argument {name!r}; its options are {', '.join(known)}"
            )
