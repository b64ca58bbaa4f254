"""What a TARGET means: a catalogue name, `torchvision:NAME`, `timm:NAME`, `package.module:attribute`, `path/to/file.py:attribute`,
or a module.

Nothing is allocated for a model that is built here (see `zoo.tracing.skeleton`), except under `real_weights`.
"""

import contextlib
import fnmatch
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.catalogue.create import create_model
from zoo.catalogue.entries import check_options, entry
from zoo.graph_files import is_graph
from zoo.models import caching
from zoo.models.importing import import_file, import_package, neighbours
from zoo.tables.notes import AssumedInput, Note, PublishedInput, TrainingOptions, UsualInput
from zoo.tracing.process import Generators
from zoo.util.errors import ZooError, told, unknown

if TYPE_CHECKING:
    from torch import nn

_ASSUMED = (3, 224, 224)


@dataclass(frozen=True)
class Subject:
    """A model to be analysed, with what is known of it: its name, the input it is made for (without batch), remarks; and how many
    such inputs it takes.
    """

    name: str
    module: "nn.Module"
    input: tuple[int, ...]
    options: Mapping[str, Any]
    notes: tuple[Note, ...] = ()
    times: int = 1

    def shape(self, batch: int = 1) -> tuple[int, ...] | list[tuple[int, ...]]:
        """Return the shape of the input for a batch size; a list if there are several inputs."""
        one = (batch, *self.input)
        return one if self.times == 1 else [one] * self.times

    @property
    def assumed(self) -> bool:
        """Whether the expected input of the model is unknown."""
        return any(isinstance(note, AssumedInput) for note in self.notes)


def file_of(target: str) -> Path | None:
    """The file in which a TARGET lies: net.py of "net.py:Net", or a graph file; None for a name."""
    if is_graph(target):
        return Path(target)
    file = target.rpartition(":")[0]
    return Path(file) if file.endswith(".py") else None


def resolve(target: "str | nn.Module", options: Mapping[str, Any], *, train: bool = False) -> Subject:
    """Return the model of a TARGET, built with `options`. Raises `ZooError` if it does not exist or cannot be built."""
    if not isinstance(target, str):
        return _ready(target, options)
    if is_graph(target):
        raise ZooError(f"{target} is a graph file, but this requires a module; zoo summary, compare and diff read graph files")
    scheme, colon, name = target.rpartition(":")
    if not colon:
        return _from_catalogue(target, options, train)
    if scheme == "torchvision":
        return _from_torchvision(name, options)
    if scheme == "timm":
        return _from_timm(name, options)
    return _from_code(target, scheme, name, options)


def built(target: "str | nn.Module", options: Mapping[str, Any] | None = None) -> Subject:
    """As `resolve`, with the weights that the constructor draws; for a network of the catalogue, `options` may name `weights` as
    `create_model` takes them. Raises `ZooError` as both do.
    """
    options = options or {}
    if isinstance(target, str) and ":" not in target and not is_graph(target):
        subject = resolve(target, {name: value for name, value in options.items() if name != "weights"})
        return replace(subject, module=create_model(subject.name, **options))
    with neighbours(target), real_weights():
        return resolve(target, options)


def definition(target: "str | nn.Module") -> dict[str, str | None] | None:
    """What defines a TARGET, by a digest of each; None for a module, and for code that may change or import what changes."""
    if not isinstance(target, str):
        return None
    if is_graph(target):
        if not Path(target).is_file():  # a pipe, at which one would wait
            return None
        with contextlib.suppress(OSError, ValueError):
            return {"file": caching.digest(Path(target)), "onnx": caching.version("onnx")}
        return None
    scheme, colon, _ = target.rpartition(":")
    if not colon:
        try:
            found = entry(target)
        except ZooError:  # the code that builds it reports it
            return None
        if found.origin:
            return None
        spec = importlib.util.find_spec(found.module)
        return {"source": caching.digest(Path(spec.origin))} if spec and spec.origin else None
    return {scheme: caching.version(scheme)} if scheme in {"torchvision", "timm"} else None


def _ready(module: "nn.Module", options: Mapping[str, Any]) -> Subject:
    from torch import nn

    if not isinstance(module, nn.Module):
        hint = ""
        if isinstance(module, Path):
            hint = f"; pass a string: '{module}{':Net' if module.suffix == '.py' else ''}'"
        raise ZooError(f"expected the name of a model or an nn.Module, got {type(module).__name__}{hint}")
    if options:
        raise ZooError("options apply to named models only; this one is already an instance")
    return _of_instance(type(module).__name__, module)


def _of_instance(name: str, module: "nn.Module") -> Subject:
    """Return a subject for a module that somebody else has built; those of `zoo.create_model` and of timm know their input."""
    if "zoo_input" in module.__dict__:
        return Subject(name, module, module.__dict__["zoo_input"], {})
    config = module.__dict__.get("pretrained_cfg")
    size = config.get("input_size") if isinstance(config, Mapping) else None
    if isinstance(size, tuple) and size:
        return Subject(name, module, size, {}, (PublishedInput(size),))
    return _assumed(name, module, {})


def _assumed(name: str, module: "nn.Module", options: Mapping[str, Any]) -> Subject:
    """Return a subject for a model whose expected input is unknown."""
    return Subject(name, module, _ASSUMED, options, (AssumedInput(_ASSUMED),))


def _is_file(name: str) -> bool:
    """Return whether a name without a colon is the name of a file."""
    return Path(name).suffix == ".py" or "/" in name


def _from_catalogue(name: str, options: Mapping[str, Any], train: bool) -> Subject:
    if Path(name).suffix in {".pt", ".pth", ".safetensors"}:
        raise ZooError(
            f"{name}: a file of weights does not define a model; expected path/to/file.py:attribute, or a graph file .onnx, .pt2 "
            "or .prototxt"
        )
    if _is_file(name):
        raise ZooError(f"{name}: name the model after a colon, as in {name}:Net")
    found = entry(name)
    options = check_options(found, options)
    built = {**found.card.training, **options} if train else options
    with _skeleton():
        module = _build(found.card.name, lambda **given: create_model(found.card.name, **given), built)
    absent = {key: value for key, value in found.card.training.items() if key not in built}
    notes = (TrainingOptions(absent),) if absent else ()
    channels = built.get("in_channels", found.card.input[0])
    return Subject(found.card.name, module, (channels, *found.card.input[1:]), options, notes)


@dataclass(frozen=True)
class Quirk:
    """What some models of torchvision need: options, or several inputs; and the reason."""

    names: str
    why: str
    options: Mapping[str, Any] = field(default_factory=dict)
    sized: str = ""
    times: int = 1


_QUIRKS = (
    Quirk("googlenet", "its builder adds heads that its published weights lack", {"aux_logits": False}),
    Quirk("googlenet", "a slow initialisation, and a warning that it will change", {"init_weights": False}),
    Quirk("inception_v3", "a slow initialisation, and a warning that it will change", {"init_weights": False}),
    Quirk("vit_*", "the transformer is built for one image size", sized="image_size"),
    Quirk("raft_*", "optical flow is from one image to another", times=2),
)
"""Options and inputs by name, since torchvision does not declare them."""


def _from_torchvision(name: str, options: Mapping[str, Any]) -> Subject:
    try:
        from torchvision import models
    except ImportError as error:
        raise ZooError(f"torchvision:{name}: cannot import torchvision ({error}); pip install torchvision") from error
    if name not in models.list_models():
        raise unknown("torchvision model", name, models.list_models(), "run torchvision.models.list_models() to see all")
    quirks = [quirk for quirk in _QUIRKS if fnmatch.fnmatchcase(name, quirk.names)]
    size, notes = _published_input(models, name)
    given = {key: value for quirk in quirks for key, value in quirk.options.items()}
    given |= {quirk.sized: size[-1] for quirk in quirks if quirk.sized}
    given |= options
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        given.setdefault("weights_backbone", None)  # some builders would download the backbone's
    with _skeleton():
        module = _build(f"torchvision:{name}", lambda **given: models.get_model(name, **given), given)
    return Subject(f"torchvision:{name}", module, size, options, notes, times=max([quirk.times for quirk in quirks], default=1))


def _from_timm(name: str, options: Mapping[str, Any]) -> Subject:
    try:
        import timm
    except ImportError as error:
        raise ZooError(f"timm:{name}: cannot import timm ({error}); pip install timm") from error
    if not timm.is_model(name):
        raise unknown("timm model", name, timm.list_models(), "run timm.list_models() to see all")
    try:
        with _skeleton():
            module: Any = timm.create_model(name, **options)
    except Exception as error:  # a constructor that computes with its weights: with real ones, then
        if isinstance(error, OSError):  # no network, or no file: a second try would only take as long again
            raise ZooError(f"timm:{name} could not be built with these options: {told(error)}") from error
        with Generators():
            module = _build(f"timm:{name}", lambda **given: timm.create_model(name, **given), options)
    size = tuple(module.pretrained_cfg.get("input_size", _ASSUMED))
    return Subject(f"timm:{name}", module, size, options, (PublishedInput(size),))


_FRAMES = 16  # of the clips with which torchvision counts its video models' operations
_USUAL = {"optical_flow": (3, 520, 960), "detection": (3, 800, 800)}  # sizes from its documentation; its weights do not fix a size


def _published_input(models: Any, name: str) -> tuple[tuple[int, ...], tuple[Note, ...]]:
    """Return the input for which the model's default weights are published, if torchvision states it."""
    kind = models.get_model_builder(name).__module__.removeprefix("torchvision.models.").partition(".")[0]
    if kind in _USUAL:
        return _USUAL[kind], (UsualInput(_USUAL[kind]),)
    try:
        known = models.get_model_weights(name).DEFAULT.transforms.keywords
        crop = known["crop_size" if "crop_size" in known else "resize_size"]
    except (AttributeError, KeyError, ValueError):
        return _ASSUMED, (AssumedInput(_ASSUMED),)
    side = crop if isinstance(crop, int) else crop[-1]
    size = (3, *([_FRAMES] if kind == "video" else []), side, side)
    return size, (PublishedInput(size),)


def _from_code(target: str, place: str, name: str, options: Mapping[str, Any]) -> Subject:
    from torch import nn

    if not (place and name):
        raise ZooError(f"expected package.module:attribute or path/to/file.py:attribute, got {target!r}")
    with contextlib.redirect_stdout(sys.stderr), Generators():
        module = import_file(Path(place)) if place.endswith(".py") else import_package(place)
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except Exception as error:  # a __getattr__ may raise anything
            choices = [key for key in vars(found) if not key.startswith("_")] if hasattr(found, "__dict__") else []
            raise unknown(f"attribute of {place}", part, choices, f"it has {', '.join(choices[:12])}") from error
    if isinstance(found, nn.Module):
        if options:
            raise ZooError(f"{target} is already an instance; options apply to classes and functions only")
        return _of_instance(target, found)
    if not callable(found):
        raise ZooError(f"{target}: expected a module, or a class or function that returns one, got {type(found).__name__}")
    with contextlib.redirect_stdout(sys.stderr):
        try:
            with _skeleton():
                made = found(**options)
        except (Exception, SystemExit):
            with Generators():
                made = _build(target, found, options)  # the constructor needs real weights
    if not isinstance(made, nn.Module):
        raise ZooError(f"{target}: expected a torch.nn.Module, got {type(made).__name__}")
    return _assumed(target, made, options)


_REAL: ContextVar[bool] = ContextVar("real weights", default=False)


@contextlib.contextmanager
def real_weights() -> Iterator[None]:
    """Models that are resolved inside this context get the weights that their constructor draws."""
    before = _REAL.get()
    try:
        _REAL.set(True)
        yield
    finally:
        _REAL.set(before)


def _skeleton() -> contextlib.AbstractContextManager[object]:
    if _REAL.get():
        return contextlib.nullcontext()
    from zoo.tracing.skeleton import Skeleton

    return Skeleton()


def _build(name: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    try:
        return builder(**options)
    except ZooError:
        raise
    except (Exception, SystemExit) as error:
        raise ZooError(f"{name} could not be built with these options: {told(error)}") from error
