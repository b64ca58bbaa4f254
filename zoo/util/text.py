"""Short texts that messages, titles and tables share."""

from collections.abc import Iterable


def sizes(shape: Iterable[object], sign: str = "×") -> str:
    """A shape as it is written: 3×224×224.

    >>> sizes((3, 224, 224)), sizes((3, 3), sign="x")
    ('3×224×224', '3x3')
    """
    return sign.join(map(str, shape))
