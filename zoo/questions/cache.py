"""The traces that are kept from question to question: whether to use them, how many there are, and removing them."""

from zoo.models.caching import State, clear, in_use, state
from zoo.models.caching import do_without as _without_cache

__all__ = ["State", "clear", "do_without", "in_use", "state"]


def do_without() -> None:
    """Use neither the cache nor the traces that come with the package."""
    from zoo.models import shipped

    _without_cache()
    shipped.do_without()
