"""Numbers as people write them: 5G, 25M, 2GiB."""

import re
from fractions import Fraction
from math import ceil

from zoo.util.errors import ZooError

_PREFIXES = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def quantity(value: object, name: str = "quantity") -> int:
    """An integer from a number or from a text with a prefix: K, M, G, T are powers of 1000, Ki, Mi, Gi, Ti powers of 1024.

    The letter B for bytes may follow. A fraction of a unit is rounded up. Raises `ZooError`, which begins with `name`, for anything
    else and for numbers below zero.

    >>> quantity("4.1G"), quantity("25m"), quantity("2GiB"), quantity("500 kB"), quantity(7)
    (4100000000, 25000000, 2147483648, 500000, 7)
    """
    match = re.fullmatch(r"(\d+|\d*\.\d+|\d+\.\d*|\d+e\d{1,2})\s*([KMGT]?)(i?)B?", str(value).replace("_", ""), re.IGNORECASE)
    if match is None or isinstance(value, bool) or (match[3] and not match[2]):
        raise ZooError(f"{name}: expected a number such as 5G, 25M or 2GiB, got {value!r}")
    unit: int = (1024 if match[3] else 1000) ** _PREFIXES[match[2].upper()]
    return ceil(Fraction(match[1]) * unit)


_SEEDS = 2**64
"""What torch's generators can be seeded with."""


def check_seed(seed: int) -> None:
    """Raise `ZooError` for a seed that torch's generators do not take."""
    if not 0 <= seed < _SEEDS:
        raise ZooError(f"seed {seed}: expected an integer from 0 to {_SEEDS - 1:,}")
