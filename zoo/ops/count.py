"""A number together with what is not known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Count:
    """`known` is exact if nothing is `unknown`, else a lower bound; `unknown` says which ops were met, and how often."""

    known: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Count | int") -> "Count":
        if isinstance(other, int):
            return Count(self.known + other, self.unknown) if other else self
        merged = dict(self.unknown)
        for kind, times in other.unknown.items():
            merged[kind] = merged.get(kind, 0) + times
        return Count(self.known + other.known, merged)

    __radd__ = __add__

    def cell(self) -> Any:
        """An int if everything is known, else the lower bound and the unknown ops."""
        return {"at_least": self.known, "unknown": dict(self.unknown)} if self.unknown else self.known
