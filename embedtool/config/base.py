"""The base of every group of options: each option's default, bounds and help."""

import math
import os
import sys
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from embedtool.errors import ConfigError

LARGEST = 2**31 - 1
"""Bound of whole-number options: ids, buckets and sizes are 32-bit on disk and in kernels."""

MiB = 2**20

ABSTRACT: dict[Any, Any] = {int: Integral, float: Real, bool: bool, str: str}
"""What counts as an option's type: NumPy's numbers are numbers too."""

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
"""What messages call the type of an option."""


def option(
    default: Any,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
) -> Any:
    """A dataclass field with its help text and bounds (`above` excludes the bound itself)."""
    return field(default=default, metadata={"help": text, "low": low, "high": high, "above": above})


def flag(name: str) -> str:
    """The command-line flag of a field: `min_count` is `--min-count`."""
    return "--" + name.replace("_", "-")


def n_cores() -> int:
    """The processor cores that this process may use; where the system cannot tell, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Config:
    """Base of every group of options: checks each value against its field's type and bounds."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            value = _checked(each, hints[each.name], getattr(self, each.name))
            object.__setattr__(self, each.name, value)

    def _fill(self, name: str, value: Any) -> None:
        """Give a field that was left open the value that depends on something else."""
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        """Take the fields of this group out of a larger mapping of options."""
        return cls(**{each.name: options[each.name] for each in fields(cls)})


def _checked(each: Field[Any], hint: Any, value: Any) -> Any:
    """The value as Python's own type; raises ConfigError where it is wrong or out of bounds."""
    name, kinds = each.name, get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    kind: Any = kinds[0]
    if get_origin(hint) is Literal:
        if not isinstance(value, str | bool) or value not in kinds:
            raise _wrong(name, f"one of {', '.join(map(str, kinds))}", value)
        return value
    if not isinstance(value, ABSTRACT[kind]) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(name, KINDS[kind], repr(value))
    if kind in (int, float):
        _check_bounds(each, value, LARGEST if kind is int else sys.float_info.max)
    return kind(value)


def _check_bounds(each: Field[Any], value: float, largest: float) -> None:
    name = each.name
    if value != value or value in (math.inf, -math.inf):
        raise _wrong(name, "a finite number", value)
    if not isinstance(value, Integral):
        value = float(value)
    low, high, above = (each.metadata[key] for key in ("low", "high", "above"))
    high = largest if high is None else high
    low = -largest if low is None else low
    if value < low:
        raise _wrong(name, f"{_shown(low)} or more", _shown(value))
    if above is not None and value <= above:
        raise _wrong(name, f"above {_shown(above)}", _shown(value))
    if value > high:
        raise _wrong(name, f"{_shown(high)} or less", _shown(value))


def _wrong(name: str, expected: str, value: object) -> ConfigError:
    return ConfigError(f"{name} must be {expected}, not {value}", parameters=(name,))


def _shown(number: float) -> str:
    return f"{number:,}" if isinstance(number, Integral) else f"{number:g}"
