"""The claims of `lecture-tables`: what a lecture prints, and how it is computed. Nothing printed is an input of a computation."""

from collections.abc import Iterator

from zoo.studies import _claims_layers, _claims_networks
from zoo.studies._claim import LECTURES, Claim

__all__ = ["LECTURES", "claims"]


def claims() -> Iterator[Claim]:
    """All claims, by topic."""
    for topic in (*_claims_layers.TOPICS, *_claims_networks.TOPICS):
        yield from topic()
