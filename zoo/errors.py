"""The one kind of error that is the user's: it says what is wrong, where, and what to do, in one line."""

from collections.abc import Iterable


class ZooError(ValueError):
    """A mistake in what the caller asked for. Its text is one line, fit to be shown as it is."""

    def __init__(self, message: object) -> None:
        super().__init__(" ".join(str(message).split()))


def words(error: BaseException) -> str:
    """The first line of what an exception says; nothing if it says nothing, or raises when it is asked."""
    try:
        return str(error).strip().partition("\n")[0]
    except Exception:
        return ""


def told(error: BaseException) -> str:
    """The type of an exception, and the first line of what it says."""
    said = words(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


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
