"""What a rule is, and what it finds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from zoo.analysis.rows import span_of_names
from zoo.extend.network import Network
from zoo.record.trace import Op
from zoo.util import plugins

Level = Literal["warning", "info", "off"]


@dataclass(frozen=True)
class Hit:
    """What a rule found at an op, or at the module of a path: `what` as text, with the numbers in them again as `evidence`.

    `saves` says what the remedy would save: "params" and "macs".
    """

    where: Op | str
    what: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    saves: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What `check` looks for in a network, why it matters, after which source, and what to do about it.

    Findings of the level "warning" count; those of "info" are shown and do not count; a rule that is "off" runs only when it is
    selected by name, or for the `device` that it is about.
    """

    name: str
    finds: str
    why: str
    source: str
    remedy: str
    check: Callable[[Network], Iterable[Hit]]
    level: Level = "warning"
    device: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule found in one layer, or in several alike: all of `layers`.

    `cost` is what the remedy would save as a share of the whole network: the greater of its parameters and its MACs.
    `by_design` says that the model's card declares it as its paper's.
    """

    rule: str
    level: Level
    layers: tuple[str, ...]
    what: str
    evidence: Mapping[str, Any]
    why: str
    source: str
    remedy: str
    saves: Mapping[str, int]
    cost: float = 0.0
    by_design: bool = False

    @property
    def layer(self) -> str:
        """The layers in one name: layers.1–35.conv; if they differ in several numbers, the first … the last."""
        first, last = self.layers[0], self.layers[-1]
        differing = sum(one != other for one, other in zip(first.split("."), last.split("."), strict=False))
        return span_of_names(first, last) if differing < 2 else f"{first} … {last}"

    @property
    def times(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    @property
    def counts(self) -> bool:
        """Whether it is a reason to fail: a warning that is not the paper's design."""
        return self.level == "warning" and not self.by_design


def rules() -> Mapping[str, Rule]:
    """Every rule by name, in alphabetical order: one from each file of `zoo/linting`, and others'."""
    return dict(sorted(RULES.all().items()))


def _guarded(plugin: plugins.Plugin, found: Rule) -> Rule:
    return replace(found, check=plugins.guarded(plugin, lambda network: list(found.check(network))))


RULES = plugins.of_folder("lint", "zoo.linting", "RULE", Rule, _guarded)
