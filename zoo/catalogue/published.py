"""Published numbers as their source prints them, and whether a computed number agrees."""

import re
from dataclasses import dataclass
from decimal import Decimal

_SCALES = {"": 0, "k": 3, "thousand": 3, "m": 6, "million": 6, "g": 9, "b": 9, "billion": 9}
_NUMBER = re.compile(r"([\d,]*\.?\d+)\s*(?:[x×]\s*10\^(\d+)|([a-z]*))", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Published:
    """One number of a paper or of another public source.

    `quantity` is the column that computes it ("params", "macs", "depth"), `printed` the number as printed ("60 million",
    "1.8×10^9", "138M"), `where` the place ("abstract", "Table 2"), and `note` the reason for a difference, empty if they agree.
    `source` is the key of that source on the card.
    """

    quantity: str
    printed: str
    where: str
    note: str = ""
    source: str = "paper"

    @property
    def value(self) -> Decimal:
        """The value of the printed number."""
        return self._parsed()[0]

    def verdict(self, computed: int) -> str:
        """Return "equal", "rounded" or "truncated" for the printed digits; else "explained" if there is a note, or "differs"."""
        value, step = self._parsed()
        if computed == value:
            return "equal"
        if abs(computed - value) * 2 <= step:
            return "rounded"
        if value <= computed < value + step:
            return "truncated"
        return "explained" if self.note else "differs"

    def _parsed(self) -> tuple[Decimal, Decimal]:
        """Return the value, and the size of one unit of its last printed digit."""
        match = _NUMBER.fullmatch(self.printed.strip())
        if match is None or (match[3] or "").lower() not in _SCALES:
            raise ValueError(f"expected a number as papers print it, such as 60 million or 1.8×10^9, got {self.printed!r}")
        digits = match[1].replace(",", "")
        exponent = int(match[2]) if match[2] else _SCALES[(match[3] or "").lower()]
        decimals = len(digits.partition(".")[2])
        return Decimal(digits).scaleb(exponent), Decimal(1).scaleb(exponent - decimals)
