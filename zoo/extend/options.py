"""The options of a study: the keywords of its `run`, typed and documented where they are declared.

    def run(kernel: Annotated[Sizes | None, "height and width"] = None, stride: Annotated[PositiveInt, "stride"] = 1)

The kinds are `Sizes`, `PositiveInt`, `Natural` (0 or more), `TargetName`, `Flag` and `Text`; the string is the help text. The
command line turns each option into a flag, and `zoo compare STUDY --help` lists the flags.
"""

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from zoo.record.inputs import value_of
from zoo.util.errors import ZooError


@dataclass(frozen=True)
class Kind:
    """A kind of value: its name in help pages, what is expected, and functions that read text and check values (None: refused).

    `python` is the type that selects this kind if the annotation names none.
    """

    metavar: str
    expected: str
    python: type
    read: Callable[[str], Any]
    accept: Callable[[Any], Any]


@dataclass(frozen=True)
class Option:
    """One option of a study."""

    name: str
    kind: Kind
    default: Any = None
    help: str = ""

    @property
    def flag(self) -> bool:
        """Whether the option is true or false, so that its flag has no value."""
        return self.kind is FLAG

    def check(self, value: Any) -> Any:
        """Return `value` as `run` expects it; text is read as on the command line. Raises `ZooError` for other values."""
        if value is None and self.default is None:
            return None
        found = self.kind.read(value) if isinstance(value, str) else self.kind.accept(value)
        if found is None:
            raise ZooError(f"option {self.name}: expected {self.kind.expected}, got {value!r:.80}")
        return found


def declared(run: Callable[..., Any]) -> Mapping[str, Option]:
    """Return the options that the keywords of `run` declare, by name."""
    try:
        hints = get_type_hints(run, include_extras=True)
    except NameError:  # types that are imported only for type checkers
        hints = {}
    return {
        parameter.name: _option(parameter, hints.get(parameter.name))
        for parameter in inspect.signature(run).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def _option(parameter: inspect.Parameter, hint: Any) -> Option:
    default = None if parameter.default is parameter.empty else parameter.default
    found = list(_parts(hint)) if hint is not None else [type(default)]
    kind = next((part for part in found if isinstance(part, Kind)), None)
    kind = kind or next((kind for kind in (FLAG, COUNT, SIZES, TEXT) if kind.python in found), ANY)
    return Option(parameter.name, kind, default, next((part for part in found if isinstance(part, str)), ""))


def _parts(hint: Any) -> Iterator[Any]:
    """Yield the parts of an annotation: its types, and the texts and kinds that `Annotated` adds, outermost first."""
    if get_origin(hint) is Annotated:
        yield from hint.__metadata__
        yield from _parts(hint.__origin__)
    elif get_origin(hint) in (Union, types.UnionType):
        for part in get_args(hint):
            yield from _parts(part)
    else:
        yield get_origin(hint) or hint


def _sizes(value: Any) -> tuple[int, ...] | None:
    fits = isinstance(value, tuple | list) and value and all(_count(n) for n in value)
    return tuple(value) if fits else None


def _read_sizes(text: str) -> tuple[int, ...] | None:
    found = tuple(map(int, re.split("[x×]", text))) if re.fullmatch(r"[0-9]+([x×][0-9]+)*", text) else ()
    return _sizes(found)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None


def _target(value: Any) -> Any:
    return value if callable(getattr(value, "forward", None)) else None  # a module


def _read_flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


SIZES = Kind("AxB", "sizes, such as 3x224x224 or (3, 224, 224)", tuple, _read_sizes, _sizes)
COUNT = Kind("N", "an integer >= 1", int, lambda text: _count(int(text)) if re.fullmatch("[0-9]+", text) else None, _count)
NATURAL = Kind(
    "N",
    "an integer >= 0",
    int,
    lambda text: int(text) if re.fullmatch("[0-9]+", text) else None,
    lambda value: value if value == 0 and value is not False else _count(value),
)
TARGET = Kind("TARGET", "a TARGET such as resnet50, or a module", object, str, _target)
FLAG = Kind("", "true or false", bool, _read_flag, lambda value: value if isinstance(value, bool) else None)
TEXT = Kind("TEXT", "text", str, str, lambda value: None)
ANY = Kind("VALUE", "a value", object, value_of, lambda value: value)
Sizes: TypeAlias = Annotated[tuple[int, ...], SIZES]
PositiveInt: TypeAlias = Annotated[int, COUNT]
Natural: TypeAlias = Annotated[int, NATURAL]
TargetName: TypeAlias = Annotated[str, TARGET]
Flag: TypeAlias = Annotated[bool, FLAG]
Text: TypeAlias = Annotated[str, TEXT]
