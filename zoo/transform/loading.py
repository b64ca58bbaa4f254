"""Load the weights of a file into any module, and report layer by layer what was loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.catalogue.entries import architectures, entry
from zoo.catalogue.layouts import OURS, Match, matched, owner
from zoo.catalogue.states import read
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.transform.given import require_module
from zoo.util.errors import ZooError, told
from zoo.util.text import sizes

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.catalogue.states import Weights

_COLUMNS = (
    Column("tensors", "tensors", "parameters and buffers", hide_order=1),
    Column("elements", "elements", "of these tensors", hide_order=1),
    Column("file", "text", "the layer's name in the file", hide_order=2),
    Column("why", "text", "why it is not simply loaded", hide_order=0),
)
_TOGETHER = frozenset({"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
"""The tensors of one layer, which are loaded together or not at all."""
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class _Layer:
    """A layer of the model, or one that only the file has: what became of it, and why."""

    name: str
    status: str
    keys: tuple[str, ...]
    why: str = ""


@undisturbed
def load_weights(model: "nn.Module", weights: "Weights") -> Table:
    """Load weights into any module, layer by layer: a layer is loaded completely or keeps its values.

    Prefixes of wrappers (`module.`, `_orig_mod.`, `model.`) are ignored, on both sides. Keys of torchvision, of timm and of the
    catalogue are translated to those of the model.

    Arguments:
        model: A module, which changes in place: of the catalogue, a pulled file, torchvision, timm or your own.
        weights: A file (.pt, .pth, .safetensors), a state dict, or published weights by name, as in `zoo.create_model`.

    Returns:
        A `Table` of layers by what became of them: "loaded" (joined for each child of the model), "reshaped" (loaded with another
        number of dimensions), "left" (in the model, and not or not with this shape in the file), and "skipped" (only in the file).
        `context` lists the keys of each of the four.

    Raises:
        ZooError: For weights that cannot be read, and if they belong to another network: less than half of the model, and of the
            file, would be loaded. The model does not change then.

    Example:
        >>> model = zoo.create_model("resnet20", num_classes=7)
        >>> report = zoo.load_weights(model, zoo.create_model("resnet20").state_dict())
        >>> [(row.name, row.cells["why"]) for row in report.rows if row.type == "left"]
        [('fc', 'fc.weight: expected 7×64, got 10×64; fc.bias: expected 7, got 10')]
    """
    require_module("load_weights", model)
    found = entry(model.__dict__["zoo_name"]) if "zoo_name" in getattr(model, "__dict__", {}) else None
    held = dict(model.state_dict())
    if meta := next((key for key, tensor in held.items() if tensor.is_meta), None):
        raise ZooError(f"load_weights: {meta} is on the meta device and cannot hold values; build the model with real weights")
    label, given = read(weights, found.card if found else None)
    prefix = _prefix(list(held))
    wanted = {key.removeprefix(prefix): tensor for key, tensor in held.items()}
    cards = [found.card] if found else [one.card for one in architectures().values()]
    match = matched(given, wanted, cards)
    layers = _layers(match, wanted)
    complaint = f"{label} does not fit this {type(model).__name__}"
    _demand_enough(complaint, layers, match, wanted, given)
    _load(model, {prefix + key: match.state[key] for one in layers if _is_in(one) for key in one.keys if key in match.state})
    notes = [] if match.layout == OURS else [f"the keys of {label} are {match.layout}"]
    if found and found.card.weights_note and match.layout != OURS:
        notes.append(f"if torchvision published them, {found.card.weights_note}")
    return _table(f"{label} in {type(model).__name__}", layers, match, wanted, notes)


def _is_in(layer: _Layer) -> bool:
    return layer.status in {"loaded", "reshaped"}


def _prefix(keys: Sequence[str]) -> str:
    """The prefixes that a wrapper has put before every key of the model."""
    found = ""
    while more := next((one for one in ("module.", "_orig_mod.") if all(key.startswith(found + one) for key in keys)), ""):
        found += more
        if not keys:
            return ""
    return found


def _layers(match: Match, wanted: "Mapping[str, Tensor]") -> list[_Layer]:
    """The layers of the model in order, and then those that only the file has."""
    found = []
    for name, keys in _grouped(wanted).items():
        faults = [fault for key in keys if (fault := _fault(key, match.state, wanted))]
        status = "left" if faults else "reshaped" if match.reshaped & set(keys) else "loaded"
        flat = [f"{match.renamed.get(key, key)}: {sizes(wanted[key].shape)}" for key in keys if key in match.reshaped]
        found.append(_Layer(name, status, keys, "; ".join(faults or flat)))
    rest = _grouped([key for key in match.state if key not in wanted])
    return [*found, *(_Layer(name, "skipped", keys, "not in the model") for name, keys in rest.items())]


def _grouped(keys: "Sequence[str] | Mapping[str, Tensor]") -> dict[str, tuple[str, ...]]:
    """The keys by layer; a parameter of another name than the usual ones is by itself."""
    found: dict[str, list[str]] = {}
    for key in keys:
        layer, _, last = key.rpartition(".")
        found.setdefault(layer if layer and last in _TOGETHER else key, []).append(key)
    return {name: tuple(several) for name, several in found.items()}


def _fault(key: str, state: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]") -> str:
    """Why a tensor of the model cannot be loaded; nothing if it can, or need not be."""
    if key not in state:
        return "" if key.endswith(_COUNTER) else f"{key}: not in the file"
    given, own = state[key], wanted[key]
    if given.shape != own.shape:
        return f"{key}: expected {sizes(own.shape) or 'a number'}, got {sizes(given.shape) or 'a number'}"
    if given.is_floating_point() != own.is_floating_point():
        return f"{key}: expected {own.dtype}, got {given.dtype}"
    return ""


def _demand_enough(
    complaint: str, layers: Sequence[_Layer], match: Match, wanted: "Mapping[str, Tensor]", given: "Mapping[str, Tensor]"
) -> None:
    """Raise `ZooError` for weights of another network, a few of whose keys agree by chance."""
    loaded = sum(wanted[key].numel() for one in layers if _is_in(one) for key in one.keys)
    whole = min(sum(tensor.numel() for tensor in several.values()) for several in (wanted, given))
    if 2 * loaded < whole or not loaded:
        strange = [one.keys[0] for one in layers if one.status == "skipped"][:3]
        belongs = owner(given)
        keys = f"; it has {', '.join(strange)}, ..." if strange else ""
        raise ZooError(
            f"{complaint}: only {loaded:,} of {whole:,} elements agree in key and shape{keys}{f'; {belongs}' if belongs else ''}"
        )


def _load(model: "nn.Module", state: "Mapping[str, Tensor]") -> None:
    """Load tensors that fit; if the module refuses any of them, it gets its former values back."""
    before = {key: tensor.detach().clone() for key, tensor in model.state_dict().items() if key in state}
    try:
        model.load_state_dict(dict(state), strict=False)
    except Exception as error:
        model.load_state_dict(before, strict=False)
        raise ZooError(f"load_weights: {type(model).__name__} refuses these weights: {told(error)}") from error


def _table(title: str, layers: Sequence[_Layer], match: Match, wanted: "Mapping[str, Tensor]", notes: list[str]) -> Table:
    """Rows in the order of the model; layers of one child that are simply loaded share a row."""
    joined: list[_Layer] = []
    for one in layers:
        top = one.name.partition(".")[0]
        if one.status == "loaded" and joined and joined[-1].status == "loaded" and joined[-1].name.partition(".")[0] == top:
            joined[-1] = _Layer(top, "loaded", joined[-1].keys + one.keys)
        else:
            joined.append(one)
    rows = []
    for one in joined:
        tensors = [wanted[key] if key in wanted else match.state[key] for key in one.keys]
        old = match.renamed.get(one.keys[0], one.keys[0]) if one.status != "left" else None
        cells: dict[str, Any] = {"tensors": len(tensors), "elements": sum(tensor.numel() for tensor in tensors)}
        place = _common([match.renamed.get(key, key) for key in one.keys]) or old if old else None
        rows.append(Row(one.name, one.status, {**cells, "file": place, "why": one.why or None}))
    kinds = ("loaded", "reshaped", "left", "skipped")
    counts = {kind: sum(one.status == kind for one in layers) for kind in kinds}
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    context = {kind: [key for one in layers if one.status == kind for key in one.keys] for kind in kinds}
    return Table(f"{title}: {said}", context, _COLUMNS, tuple(rows), notes=tuple(notes))


def _common(names: Sequence[str]) -> str:
    """The module that holds all of these: layer1 for layer1.0.conv1.weight and layer1.1.bn2.bias."""
    parts = [name.split(".")[:-1] for name in names]
    shared = []
    for several in zip(*parts, strict=False):
        if len(set(several)) > 1:
            break
        shared.append(several[0])
    return ".".join(shared)
