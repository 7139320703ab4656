"""The base of every config: a field's default, bounds and help are written once, in `option`."""

import math
import sys
from dataclasses import Field, dataclass, field, fields
from inspect import get_annotations
from numbers import Integral, Real
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from embedtool.errors import ConfigError, EmbedtoolError

LARGEST = 2**31 - 1
"""Upper bound of integer options: ids, buckets and sizes are 32-bit on disk and in kernels."""

ABSTRACT: dict[Any, Any] = {int: Integral, float: Real, bool: bool, str: str}
"""The types accepted for each type of option, including NumPy's numbers."""

TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
"""The name of each type of option in messages."""


def option(
    default: Any,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
) -> Any:
    """Return a dataclass field with a default, a help text and bounds.

    Parameters
    ----------
    default : object
        The default value.
    text : str
        The description, for the command line's help and the docstring of the config.
    low, high : float, optional
        The smallest and the largest value.
    above : float, optional
        An exclusive lower bound.
    """
    return field(default=default, metadata={"help": text, "low": low, "high": high, "above": above})


@dataclass(frozen=True)
class Config:
    """Base of every config: checks each value against its field's type and bounds.

    The docstring of a subclass is its summary; the section Parameters is added from the fields.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = f"{cls.__doc__ or cls.__name__}\n\nParameters\n----------\n{_parameters(cls)}"

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            value = _checked(each, hints[each.name], getattr(self, each.name))
            object.__setattr__(self, each.name, value)

    def _set_default(self, name: str, value: Any) -> None:
        """Replace None in a field by a value that depends on other fields."""
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring, which the command line shows."""
        return (cls.__doc__ or "").partition("\n")[0]

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        """Extract the fields of this config from a larger mapping of options."""
        return cls(**{each.name: options[each.name] for each in fields(cls)})


def check_whole(
    name: str, value: object, error: type[EmbedtoolError] = ConfigError, *, low: int = 1
) -> None:
    """Raise an error unless the value of a parameter is a whole number, `low` or more."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise error(f"{name} must be {TYPE_NAMES[int]}, not {value!r}", parameters=(name,))
    if value < low:
        raise error(f"{name} must be {low} or more, not {value}", parameters=(name,))


def _parameters(cls: type) -> str:
    """Describe the options of a class, including inherited ones, as a numpydoc section."""
    own = {name: each for name, each in vars(cls).items() if isinstance(each, Field)}
    options: dict[str, Field[Any]] = getattr(cls, "__dataclass_fields__", {}) | own
    hints = {name: each.type for name, each in options.items()} | get_annotations(cls)
    return "\n".join(
        f"{name} : {_type_name(hints[name], each.default)}, default {each.default!r}\n"
        f"    {each.metadata['help']}"
        for name, each in options.items()
    )


def _type_name(hint: Any, default: object) -> str:
    if get_origin(hint) is Literal:
        choices = sorted(
            get_args(hint), key=lambda each: each != default
        )  # the default comes first
        return f"one of {', '.join(map(repr, choices))}"
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _checked(each: Field[Any], hint: Any, value: Any) -> Any:
    """Return a value as Python's own type; raise ConfigError if it is wrong or out of bounds."""
    name, types = each.name, get_args(hint) or (hint,)
    if value is None and type(None) in types:
        return None
    kind: Any = types[0]
    if get_origin(hint) is Literal:
        if not isinstance(value, str | bool) or value not in types:
            raise _wrong(name, f"one of {', '.join(map(str, types))}", value)
        return value
    if not isinstance(value, ABSTRACT[kind]) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(name, TYPE_NAMES[kind], repr(value))
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
        raise _wrong(name, f"{_formatted(low)} or more", _formatted(value))
    if above is not None and value <= above:
        raise _wrong(name, f"above {_formatted(above)}", _formatted(value))
    if value > high:
        raise _wrong(name, f"{_formatted(high)} or less", _formatted(value))


def _wrong(name: str, expected: str, value: object) -> ConfigError:
    return ConfigError(f"{name} must be {expected}, not {value}", parameters=(name,))


def _formatted(number: float) -> str:
    return f"{number:,}" if isinstance(number, Integral) else f"{number:g}"
