"""The catalogue for torch.hub: every network is an entry point with the options of `zoo.create_model`.

torch.hub.load("path/to/this/folder", "alexnet", source="local", num_classes=7)
"""

from collections.abc import Callable as _Callable
from typing import Any as _Any

from zoo.catalogue.create import create_model as _create_model
from zoo.catalogue.entries import entry as _entry
from zoo.catalogue.entries import list_models as _list_models

dependencies = ["torch"]


def _builder(name: str) -> _Callable[..., _Any]:
    def build(**options: _Any) -> _Any:
        return _create_model(name, **options)

    found = _entry(name)
    ready = " or torchvision:NAME" if found.card.torchvision else ""
    build.__name__ = build.__qualname__ = name
    build.__doc__ = (
        f"{found.card.summary}.\n\n{found.card.authors}: {found.card.paper}\n\n"
        f"Options: {', '.join(map(str, found.every_option))}; weights: a file, a state dict{ready}."
    )
    return build


globals().update({name: _builder(name) for name in _list_models()})
