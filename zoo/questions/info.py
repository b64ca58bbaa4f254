"""Show a card as a table."""

from zoo.catalogue.card import of_card
from zoo.catalogue.entries import children, entry
from zoo.tables.table import Table


def info(name: str) -> Table:
    """Return a model's card as a table: facts, published and computed numbers, and what is known about it, with sources.

    Raises `ZooError` for an unknown name.
    """
    found = entry(name)
    return of_card(found.card, origin=found.origin, options=found.every_option, led_to=children(found.card.name))
