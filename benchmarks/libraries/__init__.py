"""Models of libraries whose models do not say which inputs they take: one file for each library.

A file has `names() -> list[str]`, the names of its models, and `made(name) -> Iterator[Made]`: a model and its inputs in several
ways. Those of the first way in which torch itself runs the model are used.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

LIBRARIES = ("transformers", "diffusers", "segmentation_models_pytorch", "pytorchcv", "torchaudio", "torch_geometric")
LARGEST = 60_000_000  # parameters of a model that runs on real tensors


@dataclass(frozen=True)
class Made:
    """A model with the arguments of its forward pass, and the number of its trainable parameters that its library publishes."""

    module: Any
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    published: int | None = None


def matching(pattern: str) -> list[str]:
    """The models of a library, as LIBRARY:NAME, that match a pattern of the same form."""
    library, _, rest = pattern.partition(":")
    return [f"{library}:{name}" for name in of(library).names() if fnmatch(name, rest)]


def of(library: str) -> Any:
    """The file of a library."""
    import torch

    torch.version.cuda = None  # torchaudio refuses a torch for another CUDA, although its networks do not call it
    return importlib.import_module(f"libraries.{library}")


def weighed(build: Callable[[], Any]) -> Any:
    """What `build` returns: on real tensors if it is small, with neutral weights, else on meta."""
    import torch

    from zoo.tracing.real import real_copy
    from zoo.tracing.skeleton import Skeleton

    try:
        with Skeleton():
            module = build()
    except Exception:  # a constructor that computes with its weights
        torch.manual_seed(0)
        module = build()
    large = sum(p.numel() for p in module.parameters()) > LARGEST
    return (module.to("meta") if large else real_copy(module)).eval()


def weightless(build: Callable[[], Any]) -> Any:
    """What `build` returns, on meta."""
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        module = build()
    return module.to("meta").eval()


def both(
    build: Callable[[], Any], inputs: Callable[[Any], Iterator[Sequence[Any]]], published: int | None = None
) -> Iterator[Made]:
    """What `build` returns, on meta and then on real tensors, with each of its inputs. Raises what building raises."""
    for way in (weightless, weighed):
        try:
            module = way(build)
        except Exception:
            if way is weighed:
                raise
            continue
        for args in inputs(module):
            yield Made(module, tuple(args), published=published)
