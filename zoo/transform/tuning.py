"""Fine-tune any model: another number of classes, learning rates by depth, and frozen stages.

A trace says which layer computes the scores, and to which stage each parameter belongs.
"""

import copy
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.analysis.stages import find_stages, handed_on
from zoo.record.trace import Trace
from zoo.tracing.process import undisturbed
from zoo.transform.given import require_module
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import nn

_HEAD = "head"
_EXPECTED = "expected a linear layer or a convolution to compute the scores"


@undisturbed
def reset_classifier(model: "nn.Module", num_classes: int, *, input: Any = None) -> "nn.Module":
    """Give any model another number of classes: the layers that compute its scores are replaced, auxiliary heads included.

    Arguments:
        model: A module, which changes in place: of the catalogue, a pulled file, torchvision, timm or your own.
        num_classes: The number of classes; 0 removes the layers, so that the model returns features.
        input: A shape with batch, or a string without ("3x64x64"), that the model accepts; by default its own.

    Returns:
        The same model. The new layers have the names of the old ones, so the keys of the state dict do not change, and torch's
        default initialisation, drawn from its global generator; their type, device and mode are those of the old ones.

    Raises:
        ZooError: If the scores are not computed by a linear layer or a convolution, and for an input that the model refuses.

    Example:
        >>> zoo.reset_classifier(zoo.create_model("alexnet", init=None), 7).fc8
        Linear(in_features=4096, out_features=7, bias=True)
    """
    from torch import nn

    require_module("reset_classifier", model)
    if not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 0:
        raise ZooError(f"num_classes: expected an integer >= 0, got {num_classes!r}")
    names = list(dict.fromkeys(name for train in (False, True) for name in _classifiers(_traced(model, input, train))))
    made: dict[str, nn.Module] = {}
    for name in names:
        old = model.get_submodule(name)
        if not isinstance(old, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) or getattr(old, "groups", 1) > 1:
            raise ZooError(
                f"reset_classifier: the scores come from {name or 'the model'}, expected a linear layer or a convolution"
            )
        made[name] = _resized(old, num_classes) if num_classes else nn.Identity()
    for name, module in made.items():
        parent, _, last = name.rpartition(".")
        if not name:
            raise ZooError("reset_classifier: the model is the layer that computes the scores; make another one")
        setattr(model.get_submodule(parent), last, module)
    if isinstance(model.__dict__.get("num_classes"), int):
        model.__dict__["num_classes"] = num_classes
    return model


def _traced(model: "nn.Module", input: Any, train: bool) -> Trace:
    from zoo.models.forward import trace

    if train and input is None:
        return trace(model, batch=2, train=True)  # batch statistics need more than one image
    return trace(model, input=input, train=train)


def _classifiers(trace: Trace) -> Iterator[str]:
    """The modules that compute the outputs: for each output, the last one with weights of as many rows as there are scores."""
    for output in trace.outputs:
        if len(output.shape) < 2:
            continue
        reached = {output.id}
        for op in reversed(trace.ops):
            if not any(value.id in reached for value in op.outputs):
                continue
            weight = op.input("weight")
            if weight is not None and weight.source == "parameter" and len(weight.shape) > 1:
                if weight.shape[0] != output.shape[1]:
                    raise ZooError(f"reset_classifier: {trace.target}: {_EXPECTED}")
                yield trace.calls[op.call].path
                break
            reached.update(value.id for value in op.inputs)


def _resized(old: "nn.Module", classes: int) -> "nn.Module":
    """A layer as the old one, of its own class, with another number of outputs and new weights."""
    from torch import nn

    assert isinstance(old, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
    weight, bias = old.weight, old.bias
    made = copy.deepcopy(old)
    made.weight = nn.Parameter(weight.new_empty((classes, *weight.shape[1:])))
    if bias is not None:
        made.bias = nn.Parameter(bias.new_empty(classes))
    if isinstance(made, nn.Linear):
        made.out_features = classes
    else:
        made.out_channels = classes
    made.reset_parameters()
    return made


@undisturbed
def parameter_groups(
    model: "nn.Module", *, lr: float, decay: float = 1.0, weight_decay: float | None = None, input: Any = None
) -> list[dict[str, Any]]:
    """Return groups of parameters in the order of depth, for an optimizer with a smaller learning rate in earlier stages.

    Arguments:
        model: A module: of the catalogue, a pulled file, torchvision, timm or your own.
        lr: The learning rate of the head.
        decay: The learning rate of a group is this factor times that of the group after it; 1 is the same for all.
        weight_decay: If given, groups have it, and parameters of one dimension (biases, scales of norms) have groups of their own
            without. By default the optimizer's applies.
        input: A shape with batch, or a string without ("3x64x64"), that the model accepts; by default its own.

    Returns:
        A list of dicts for `torch.optim`, with the keys "name" ("stage1", ..., "head"), "params", "lr" and, if it was given,
        "weight_decay". Each trainable parameter is in one group; the first stage is first.

    Raises:
        ZooError: For an input that the model refuses, and for a factor that is not above 0.

    Example:
        >>> groups = zoo.parameter_groups(zoo.create_model("resnet20"), lr=0.1, decay=0.5)
        >>> [(group["name"], group["lr"]) for group in groups]
        [('stage1', 0.0125), ('stage2', 0.025), ('stage3', 0.05), ('head', 0.1)]
    """
    require_module("parameter_groups", model)
    if not decay > 0 or not lr >= 0:
        raise ZooError(f"parameter_groups: expected lr >= 0 and decay > 0, got lr={lr!r} and decay={decay!r}")
    depths = _depths(model, input)
    parameters = dict(model.named_parameters())
    names = list(dict.fromkeys(depths.values()))
    found = []
    for number, stage in enumerate(names):
        own = [parameters[key] for key in parameters if depths[key] == stage and parameters[key].requires_grad]
        rate = lr * decay ** (len(names) - 1 - number)
        if weight_decay is None:
            parts: list[tuple[list[Any], dict[str, float]]] = [(own, {})]
        else:
            thin = [one for one in own if one.dim() < 2]
            parts = [([one for one in own if one.dim() > 1], {"weight_decay": weight_decay}), (thin, {"weight_decay": 0.0})]
        found += [{"name": stage, "params": params, "lr": rate, **more} for params, more in parts if params]
    return found


def _depths(model: "nn.Module", input: Any) -> dict[str, str]:
    """The stage of each parameter by name, in the order of depth: that of the op which reads it first, or the head.

    A network without stages, or of tokens in a single one, has a group for each of its children and for each block of a sequence.
    Parameters that the forward pass does not read, such as those of auxiliary heads, belong to the head.
    """
    found = _traced(model, input, train=False)
    ends = _ends(found)
    first: dict[str, str] = {}
    for number, op in enumerate(found.ops):
        for param in op.owns if op.kind != "unused" else ():
            first[param.name] = next((name for end, name in ends if number <= end), _HEAD) if ends else _block(model, param.name)
    order = dict.fromkeys(first.values())
    order.pop(_HEAD, None)
    last = _HEAD if ends or not order else list(order)[-1]
    named = {name: first.get(name, last) for name, _ in model.named_parameters()}
    return dict(sorted(named.items(), key=lambda item: [*order, _HEAD].index(item[1])))


def _ends(trace: Trace) -> list[tuple[int, str]]:
    """The number of the op after which each stage ends, and its name."""
    try:
        stages = find_stages(trace)
    except ZooError:
        return []
    if len(stages) == 1 and stages[0].layout == "tokens":  # those of a transformer, in all its blocks
        return []
    made = {value.id: i for i, op in enumerate(trace.ops) for value in op.outputs}
    layers = handed_on(trace)
    return [(made[layers[stage.layer].id], stage.name) for stage in stages]


def _block(model: "nn.Module", name: str) -> str:
    """The part of a network without stages: blocks.3 for blocks.3.mlp.fc1.weight, norm for norm.weight, stem for cls_token."""
    module, path = model, ""
    for part in name.split(".")[:-1]:
        is_block = _repeats(module)
        module, path = module.get_submodule(part), f"{path}.{part}".removeprefix(".")
        if is_block or not any(map(_repeats, module.modules())):
            break
    return path or "stem"


def _repeats(module: "nn.Module") -> bool:
    """Whether a module is a sequence of blocks: of several children of one type, which have parameters."""
    from torch import nn

    kinds = [type(child) for child in module.children() if any(True for _ in child.parameters())]
    return isinstance(module, nn.Sequential | nn.ModuleList) and len(set(kinds)) < len(kinds)


@undisturbed
def freeze(model: "nn.Module", until: str | None, *, input: Any = None) -> list[str]:
    """Freeze the first stages of any model: their parameters get no gradient, and their batch norms keep their statistics.

    Arguments:
        model: A module, which changes in place: of the catalogue, a pulled file, torchvision, timm or your own.
        until: The last stage to freeze, as in `zoo.stages` ("stage3"), or a group of `zoo.parameter_groups`. None undoes it.
        input: A shape with batch, or a string without ("3x64x64"), that the model accepts; by default its own.

    Returns:
        The names of the frozen parameters. Frozen norms stay in evaluation mode, also after `model.train()`, and after the model
        is copied, pickled or saved; all other layers follow the model's mode. Stages after the last one do not change.

    Raises:
        ZooError: For an unknown stage, and for an input that the model refuses.

    Example:
        >>> model = zoo.create_model("resnet20")
        >>> len(zoo.freeze(model, "stage1")), len(zoo.freeze(model, None))
        (21, 0)
    """
    require_module("freeze", model)
    if until is None:
        _thaw(model)
        return []
    depths = _depths(model, input)
    names = list(dict.fromkeys(depths.values()))
    if until not in names:
        raise ZooError(f"freeze: unknown stage {until!r}; expected one of {', '.join(names)}")
    chosen = set(names[: names.index(until) + 1])
    frozen = [name for name, stage in depths.items() if stage in chosen]
    parameters = dict(model.named_parameters())
    for name in frozen:
        parameters[name].requires_grad_(False)
    for name, norm in _norms(model).items():
        owned = [depths[f"{name}.{key}"] for key, _ in norm.named_parameters(recurse=False)]
        if owned and set(owned) <= chosen:
            norm.eval()
            norm.__dict__["train"] = partial(_stays, norm)
    return frozen


def _norms(model: "nn.Module") -> "dict[str, nn.Module]":
    """The layers that keep running statistics."""
    return {name: module for name, module in model.named_modules() if "running_mean" in dict(module.named_buffers(recurse=False))}


def _stays(module: "nn.Module", mode: bool = True) -> "nn.Module":
    """`Module.train` of a frozen norm: it stays in evaluation mode."""
    return module


def _thaw(model: "nn.Module") -> None:
    """Let every parameter learn, and every norm follow the model's mode."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    for norm in _norms(model).values():
        if isinstance(norm.__dict__.get("train"), partial):
            del norm.__dict__["train"]
            norm.train(model.training)
