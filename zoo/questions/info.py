"""One card as a table."""

from zoo.catalogue.card import of_card
from zoo.catalogue.entries import children, entry
from zoo.tables.table import Table


def info(name: str) -> Table:
    """The card of a model: what it is, its numbers as printed and as computed, and what is known of it, with sources.

    Raises `ZooError` for an unknown name.
    """
    found = entry(name)
    return of_card(found.card, origin=found.origin, options=found.every_option, led_to=children(found.card.name))
