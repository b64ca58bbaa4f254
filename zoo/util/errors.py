"""Errors caused by the user. Each states in one line what is wrong, where, and what to do; data for programs is in fields."""

from collections.abc import Iterable
from typing import Any


class ZooError(ValueError):
    """A mistake in what the caller asked for. Its text is one line that can be shown to users.

    Example:
        >>> try:
        ...     zoo.summary("alexnt")
        ... except zoo.ZooError as error:
        ...     print(error)
        unknown model 'alexnt'; did you mean alexnet or alexnet_owt or lenet5?
    """

    def __init__(self, message: object) -> None:
        super().__init__(" ".join(str(message).split()))


class ForwardError(ZooError):
    """The forward pass fails for this input.

    `misfit`: a layer refused the size of its input. `needs_values`: the control flow depends on the values of tensors, so the model
    runs on real tensors only. `needs_integers`: an index has a floating-point type. `message` is the text without the hint. `trace`
    is the `Trace` up to the layer that failed, and `table` its table if `zoo.summary` was called; None where nothing ran.
    `no_input`: none was given, and none is known for the model.
    """

    trace: Any = None
    table: Any = None
    no_input: bool = False

    def __init__(self, message: object, *, misfit: bool = False, needs_values: bool = False, needs_integers: bool = False) -> None:
        super().__init__(message)
        self.misfit = misfit
        self.needs_values = needs_values
        self.needs_integers = needs_integers

    @property
    def message(self) -> str:
        """What is wrong, and where."""
        return str(self.args[0])

    def within(self, place: str, hint: str = "") -> "ForwardError":
        """Return the same error with its place before the message, and a hint after it."""
        flags = {"misfit": self.misfit, "needs_values": self.needs_values, "needs_integers": self.needs_integers}
        found = ForwardError(f"{place}: {self.message}{hint}", **flags)
        found.trace, found.table, found.no_input = self.trace, self.table, self.no_input
        return found

    def __str__(self) -> str:
        return "; ".join([self.message, *([_REAL] if self.needs_values else []), *([_INTEGERS] if self.needs_integers else [])])


_REAL = "zoo summary --real (in Python real=True) runs it once on real tensors"
_INTEGERS = "state the type of integer inputs, as in --input 128:int64 (in Python inputs=tensor)"


def all_words(error: BaseException) -> str:
    """What an exception says; nothing if it says nothing, or raises when it is asked."""
    try:
        return str(error)
    except Exception:
        return ""


def words(error: BaseException) -> str:
    """The first line of what an exception says."""
    return all_words(error).strip().partition("\n")[0]


def told(error: BaseException) -> str:
    """The type of an exception, and the first line of what it says."""
    said = words(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def unhidden(error: Exception) -> Exception:
    """The error; but an interrupt that it hides is raised: code that cleans up after one may fail itself."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, KeyboardInterrupt):
            raise behind
        behind = behind.__cause__ or behind.__context__
    return error


def spelling(name: str) -> str:
    """Return the part that all usual spellings of a name share: VGG-16 and vgg16 are the same."""
    return "".join(sign for sign in name.lower() if sign.isascii() and sign.isalnum())


def near(name: str, choices: Iterable[str], most: int = 3) -> list[str]:
    """Return the choices most similar to `name`, best first; possibly none."""
    import difflib

    by_key: dict[str, list[str]] = {}
    for choice in dict.fromkeys(choices):
        by_key.setdefault(choice.lower(), []).append(choice)
    close = difflib.get_close_matches(name.lower(), by_key, n=most, cutoff=0.5)
    return [choice for key in close for choice in by_key[key]][:most]


def unknown(kind: str, name: str, choices: Iterable[str], see: str = "") -> ZooError:
    """Return the error for a name that is not among `choices`; it suggests similar names, or a short list of all, or `see`."""
    choices = list(choices)
    if close := near(name, choices):
        hint = f"did you mean {' or '.join(close)}?"
    elif choices and len(choices) <= 40:
        hint = f"choose from {', '.join(choices)}"
    else:
        hint = see
    return ZooError(f"unknown {kind} {name!r}" + (f"; {hint}" if hint else ""))
