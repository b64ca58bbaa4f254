"""Errors that are the user's: each says what is wrong, where, and what to do, in one line; what programs ask of it is a field."""

from collections.abc import Iterable


class ZooError(ValueError):
    """A mistake in what the caller asked for. Its text is one line, fit to be shown as it is.

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
    """The model does not run on such an input.

    `misfit`: a layer refused the size of what it got. `needs_values`: the forward decides by the values of tensors, so it runs on
    real tensors only. `needs_integers`: an index was of a floating-point type. `message` is the text without what to try.
    """

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
        """The same error with its place before it, and a hint behind it."""
        flags = {"misfit": self.misfit, "needs_values": self.needs_values, "needs_integers": self.needs_integers}
        return ForwardError(f"{place}: {self.message}{hint}", **flags)

    def __str__(self) -> str:
        return "; ".join([self.message, *([_REAL] if self.needs_values else []), *([_INTEGERS] if self.needs_integers else [])])


_REAL = "zoo summary --real (in Python real=True) runs it once on real tensors"
_INTEGERS = "give the type of an input of integers, as in --input 128:int64 (in Python inputs=tensor)"


def spelling(name: str) -> str:
    """What is the same in all usual spellings of a name: VGG-16 and vgg16 are one."""
    return "".join(sign for sign in name.lower() if sign.isascii() and sign.isalnum())


def near(name: str, choices: Iterable[str], most: int = 3) -> list[str]:
    """The choices that look most like `name`, best first; possibly none."""
    import difflib

    by_key: dict[str, list[str]] = {}
    for choice in choices:
        by_key.setdefault(choice.lower(), []).append(choice)
    close = difflib.get_close_matches(name.lower(), by_key, n=most, cutoff=0.5)
    return [choice for key in close for choice in by_key[key]][:most]


def unknown(kind: str, name: str, choices: Iterable[str], see: str = "") -> ZooError:
    """The error for a name that is not among `choices`: near names where there are some, else all of a short list, else `see`."""
    choices = list(choices)
    if close := near(name, choices):
        hint = f"did you mean {' or '.join(close)}?"
    elif choices and len(choices) <= 40:
        hint = f"choose from {', '.join(choices)}"
    else:
        hint = see
    return ZooError(f"unknown {kind} {name!r}" + (f"; {hint}" if hint else ""))
