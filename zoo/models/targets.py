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
from zoo.errors import ZooError, near, unknown
from zoo.graph_files import is_graph
from zoo.models import caching
from zoo.tables.notes import AssumedInput, Note, PublishedInput, TrainingOptions, UsualInput

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
        """The shape of the input for a batch; of several, a list."""
        one = (batch, *self.input)
        return one if self.times == 1 else [one] * self.times

    @property
    def assumed(self) -> bool:
        """Whether nothing is known of the input that the model is made for."""
        return any(isinstance(note, AssumedInput) for note in self.notes)


def resolve(target: "str | nn.Module", options: Mapping[str, Any], *, train: bool = False) -> Subject:
    """The model behind a TARGET, built with `options`. Raises `ZooError` if there is none, or it cannot be built so."""
    if not isinstance(target, str):
        return _ready(target, options)
    if is_graph(target):
        raise ZooError(f"{target} is a graph, and a module is wanted here: zoo summary, compare and diff read graphs")
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
        with contextlib.suppress(OSError):
            return {"file": caching.digest(Path(target)), "onnx": caching.version("onnx")}
        return None
    scheme, colon, _ = target.rpartition(":")
    if not colon:
        try:
            found = entry(target)
        except ZooError:  # whoever builds it says so
            return None
        if found.origin:
            return None
        spec = importlib.util.find_spec(found.module)
        return {"source": caching.digest(Path(spec.origin))} if spec and spec.origin else None
    return {scheme: caching.version(scheme)} if scheme in {"torchvision", "timm"} else None


def _ready(module: "nn.Module", options: Mapping[str, Any]) -> Subject:
    from torch import nn

    if not isinstance(module, nn.Module):
        raise ZooError(f"a model's name or an nn.Module is wanted, got {type(module).__name__}")
    if options:
        raise ZooError("options build a model, and this one is built already")
    return _assumed(type(module).__name__, module, {})


def _assumed(name: str, module: "nn.Module", options: Mapping[str, Any]) -> Subject:
    """A model of which nothing says what input it is made for."""
    return Subject(name, module, _ASSUMED, options, (AssumedInput(_ASSUMED),))


def _is_file(name: str) -> bool:
    """Whether a name without a colon is that of a file."""
    return Path(name).suffix == ".py" or "/" in name


def _from_catalogue(name: str, options: Mapping[str, Any], train: bool) -> Subject:
    if Path(name).suffix in {".pt", ".pth", ".safetensors"}:
        raise ZooError(f"{name}: a file of weights is no model; a graph is a file .onnx or .pt2, code is path/to/file.py:attribute")
    if _is_file(name):
        raise ZooError(f"{name}: which model in it? name it behind a colon, as in {name}:Net")
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
    """What torchvision's own models of some names need: options, or their input more than once; and why."""

    names: str
    why: str
    options: Mapping[str, Any] = field(default_factory=dict)
    sized: str = ""
    times: int = 1


_QUIRKS = (
    Quirk("googlenet", "its builder adds heads that its published weights do not have", {"aux_logits": False}),
    Quirk("googlenet", "a slow initialisation, and a warning that it will change", {"init_weights": False}),
    Quirk("inception_v3", "a slow initialisation, and a warning that it will change", {"init_weights": False}),
    Quirk("vit_*", "a transformer is built for one size of image", sized="image_size"),
    Quirk("raft_*", "optical flow is from one image to another", times=2),
)
"""By name, since torchvision declares none of this."""


def _from_torchvision(name: str, options: Mapping[str, Any]) -> Subject:
    try:
        from torchvision import models
    except ImportError as error:
        raise ZooError(f"torchvision:{name}: torchvision does not import ({error}); pip install torchvision") from error
    if name not in models.list_models():
        raise unknown("torchvision model", name, models.list_models(), "torchvision.models.list_models() has them all")
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
        raise ZooError(f"timm:{name}: timm does not import ({error}); pip install timm") from error
    if not timm.is_model(name):
        raise unknown("timm model", name, timm.list_models(), "timm.list_models() has them all")
    try:
        with _skeleton():
            module: Any = timm.create_model(name, **options)
    except Exception:  # a constructor that computes with its weights: with real ones, then
        with _generators_kept():
            module = _build(f"timm:{name}", lambda **given: timm.create_model(name, **given), options)
    size = tuple(module.pretrained_cfg.get("input_size", _ASSUMED))
    return Subject(f"timm:{name}", module, size, options, (PublishedInput(size),))


_FRAMES = 16  # of the clips with which torchvision counts its video models' operations
_USUAL = {"optical_flow": (3, 520, 960), "detection": (3, 800, 800)}  # sizes in its documentation; no weights are for one size


def _published_input(models: Any, name: str) -> tuple[tuple[int, ...], tuple[Note, ...]]:
    """The input for which the model's default weights are published, if torchvision says so."""
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
        raise ZooError(f"{target!r}: package.module:attribute or path/to/file.py:attribute is wanted")
    with contextlib.redirect_stdout(sys.stderr), _generators_kept():
        module = _file(Path(place)) if place.endswith(".py") else _package(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            choices = [key for key in vars(found) if not key.startswith("_")] if hasattr(found, "__dict__") else []
            raise unknown(f"attribute of {place}", part, choices, f"it has {', '.join(choices[:12])}")
        found = getattr(found, part)
    if isinstance(found, nn.Module):
        if options:
            raise ZooError(f"{target} is a model already: options cannot build it")
        return _assumed(target, found, {})
    if not callable(found):
        raise ZooError(f"{target} is a {type(found).__name__}: a module, or a class or function that makes one, is wanted")
    with contextlib.redirect_stdout(sys.stderr):
        try:
            with _skeleton():
                made = found(**options)
        except (Exception, SystemExit):
            with _generators_kept():
                made = _build(target, found, options)  # a constructor that needs real weights: with them, then
    if not isinstance(made, nn.Module):
        raise ZooError(f"{target} made a {type(made).__name__}: a torch.nn.Module is wanted")
    return _assumed(target, made, options)


def _file(path: Path) -> Any:
    if not path.is_file():
        raise ZooError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _import_from(path.parent), _import_errors(str(path)):
        sys.modules.setdefault(path.stem, module)
        spec.loader.exec_module(module)
    return module


def _package(name: str) -> Any:
    head = name.partition(".")[0]
    if head and importlib.util.find_spec(head) is None and (close := near(name, ("torchvision", "timm"))):
        raise ZooError(f"there is no module {name}; did you mean {close[0]}:?")
    with _import_from(Path.cwd()), _import_errors(name):
        return importlib.import_module(name)


@contextlib.contextmanager
def neighbours(target: object) -> Iterator[None]:
    """Imports look beside the file of a TARGET first, or into the working directory: when it is imported, built and run."""
    place = target.rpartition(":")[0] if isinstance(target, str) else ""
    with _import_from(Path(place).parent if place.endswith(".py") else Path.cwd()) if place else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _import_from(folder: Path) -> Iterator[None]:
    """Imports look into `folder` first."""
    folder = folder.resolve()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


@contextlib.contextmanager
def _import_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ZooError(f"{name} does not import: {type(error).__name__}: {error}") from error


_REAL: ContextVar[bool] = ContextVar("real weights", default=False)


@contextlib.contextmanager
def real_weights() -> Iterator[None]:
    """What is resolved meanwhile gets the weights that its constructor draws."""
    token = _REAL.set(True)
    try:
        yield
    finally:
        _REAL.reset(token)


def _skeleton() -> contextlib.AbstractContextManager[object]:
    if _REAL.get():
        return contextlib.nullcontext()
    from zoo.tracing.skeleton import Skeleton

    return Skeleton()


def _generators_kept() -> contextlib.AbstractContextManager[object]:
    from zoo.tracing.guard import generators_kept

    return generators_kept()


def _build(name: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    try:
        return builder(**options)
    except ZooError:
        raise
    except (Exception, SystemExit) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ZooError(f"{name} cannot be built so: {type(error).__name__}: {reason}") from error
