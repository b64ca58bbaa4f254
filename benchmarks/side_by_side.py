"""The jobs of a small project, each done with zoo, timm, torchvision and torchinfo: lines of code and calls, side by side.

    python benchmarks/side_by_side.py [-o benchmarks/side_by_side.json]

Every solution is a function `TOOL_JOB` below. It is run, and must give what those of the other tools give; then its lines and its
calls are counted, without the line that defines it. A tool that has nothing for a job does it with torch, which is counted;
torchinfo only analyses, so that most jobs are not its own. The network is ResNet-18 as all have it.
"""

import argparse
import ast
import difflib
import inspect
import json
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import onnx
import timm
import timm.optim
import timm.utils
import torch
import torchinfo
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.ops import FeaturePyramidNetwork

import zoo

TOOLS = ("zoo", "timm", "torchvision", "torchinfo")
JOBS = {
    "transfer": "load a file of weights, a head for 7 classes, freeze the first stages, smaller rates for earlier layers",
    "neck": "features at strides 4 to 32 of the trained model, into a pyramid",
    "export": "ONNX, for batches of any size",
    "budget": "fail above 12 M parameters or 200 M MACs",
    "diff": "which layers two versions differ in",
    "upgrade": "whether a copy of the network in the project was edited",
}
SHAPE = (1, 3, 64, 64)
RATE, DECAY = 0.01, 0.5


# Transfer: the model and its groups of parameters


def zoo_transfer(file: Path) -> Any:
    model = zoo.create_model("resnet18", num_classes=7, weights=file)
    zoo.freeze(model, "stage2")
    return model, zoo.parameter_groups(model, lr=RATE, decay=DECAY)


def timm_transfer(file: Path) -> Any:
    model = timm.create_model("resnet18", checkpoint_path=file)
    model.reset_classifier(7)
    timm.utils.freeze(model, ["conv1", "bn1", "layer1"])
    groups = timm.optim.param_groups_layer_decay(model, layer_decay=DECAY)
    return model, [{**group, "lr": RATE * group["lr_scale"]} for group in groups]


def torchvision_transfer(file: Path) -> Any:
    model = resnet18()
    model.load_state_dict(torch.load(file, weights_only=True))
    model.fc = nn.Linear(model.fc.in_features, 7)
    for part in (model.conv1, model.bn1, model.layer1):
        part.requires_grad_(False)
        for norm in part.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eval()  # again after each model.train()
    groups = []
    for distance, part in enumerate((model.fc, model.layer4, model.layer3, model.layer2)):
        groups.append({"params": list(part.parameters()), "lr": RATE * DECAY**distance})
    return model, groups


# Neck: the shapes of a pyramid's maps


def zoo_neck(model: nn.Module, x: Tensor) -> Any:
    body = zoo.features(model, reductions=(4, 8, 16, 32))
    neck = FeaturePyramidNetwork([stage.channels for stage in body.stages.values()], 64)
    return neck(body(x)).values()


def timm_neck(model: nn.Module, x: Tensor) -> Any:
    body = timm.create_model("resnet18", features_only=True, out_indices=(1, 2, 3, 4))
    body.load_state_dict(model.state_dict(), strict=False)
    neck = FeaturePyramidNetwork(body.feature_info.channels(), 64)
    return neck(OrderedDict(zip(body.feature_info.module_name(), body(x), strict=True))).values()


def torchvision_neck(model: nn.Module, x: Tensor) -> Any:
    body = create_feature_extractor(model, ["layer1", "layer2", "layer3", "layer4"])
    with torch.no_grad():
        channels = [maps.shape[1] for maps in body(x).values()]
    neck = FeaturePyramidNetwork(channels, 64)
    return neck(body(x)).values()


# Export: a file


def zoo_export(model: nn.Module, file: Path) -> None:
    zoo.export(model, file, input=SHAPE)


def torch_export(model: nn.Module, file: Path) -> None:
    batch = torch.export.Dim("batch")
    torch.onnx.export(model.eval(), (torch.rand(2, *SHAPE[1:]),), file, dynamic_shapes=({0: batch},), verbose=False)


timm_export = torchvision_export = torch_export


# Budget: raises AssertionError


def zoo_budget(model: nn.Module, macs: float) -> None:
    zoo.check_budget(model, input=SHAPE, max_params="12M", max_macs=macs)


def torch_budget(model: nn.Module, macs: float) -> None:
    assert sum(one.numel() for one in model.parameters()) <= 12e6
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.rand(SHAPE))
    assert counter.get_total_flops() / 2 <= macs


def torchinfo_budget(model: nn.Module, macs: float) -> None:
    found = torchinfo.summary(model, input_size=SHAPE, verbose=0)
    assert found.total_params <= 12e6
    assert found.total_mult_adds <= macs


timm_budget = torchvision_budget = torch_budget


# Diff: the names of the layers that differ


def zoo_diff(old: nn.Module, new: nn.Module) -> list[str]:
    return [row.name for row in zoo.diff(old, new, input=SHAPE).rows if row.type != "Output"]


def torch_diff(old: nn.Module, new: nn.Module) -> list[str]:
    before, after = ({name: one for name, one in net.named_modules() if not [*one.children()]} for net in (old, new))
    return [name for name in before | after if repr(before.get(name)) != repr(after.get(name))]


def torchinfo_diff(old: nn.Module, new: nn.Module) -> list[str]:
    listed = []
    for net in (old, new):
        found = torchinfo.summary(net, input_size=SHAPE, verbose=0).summary_list
        leaves = [one for one in found if one.is_leaf_layer]
        listed.append({path(one): (one.class_name, one.output_size, one.num_params, one.macs) for one in leaves})
    return [name for name in listed[0] | listed[1] if listed[0].get(name) != listed[1].get(name)]


def path(layer: Any) -> str:
    return layer.var_name if layer.depth <= 1 else f"{path(layer.parent_info)}.{layer.var_name}"


timm_diff = torchvision_diff = torch_diff


# Upgrade: whether the copy differs, and how


def zoo_upgrade(file: Path) -> bool:
    return not zoo.check_pulled(file).same


def timm_upgrade(file: Path) -> bool:
    source = inspect.getsource(timm.models.resnet)
    return bool(list(difflib.unified_diff(file.read_text().splitlines(), source.splitlines())))


def torchvision_upgrade(file: Path) -> bool:
    source = inspect.getsource(torchvision.models.resnet)
    return bool(list(difflib.unified_diff(file.read_text().splitlines(), source.splitlines())))


# The table


def solutions() -> dict[tuple[str, str], Any]:
    """The function of each job and tool that has one."""
    found = {(job, tool): globals().get(f"{tool}_{job}") for job in JOBS for tool in TOOLS}
    return {pair: function for pair, function in found.items() if function is not None}


def outcomes(folder: Path) -> dict[tuple[str, str], Any]:
    """What each solution gives, in a form that is the same for all tools."""
    found: dict[tuple[str, str], Any] = {}
    models: dict[str, nn.Module] = {}
    old, new = resnet18(), resnet18(num_classes=7)
    new.layer3[0].conv2 = nn.Conv2d(256, 256, 5, padding=2, bias=False)
    torch.save(old.state_dict(), folder / "weights.pth")
    for (job, tool), function in solutions().items():
        if job == "transfer":
            models[tool], groups = function(folder / "weights.pth")
            trained = sum(one.numel() for group in groups for one in group["params"])
            classes = models[tool](torch.rand(2, *SHAPE[1:])).shape[1]
            found[job, tool] = classes, trained, max(group["lr"] for group in groups)
        elif job == "neck":
            found[job, tool] = [tuple(maps.shape) for maps in function(models[tool], torch.rand(2, *SHAPE[1:]))]
        elif job == "export":
            function(models[tool], folder / f"{tool}.onnx")
            size = onnx.load(folder / f"{tool}.onnx").graph.input[0].type.tensor_type.shape.dim[0]
            found[job, tool] = size.dim_param != ""
        elif job == "budget":
            function(old, 200e6)
            found[job, tool] = refused(function, old, 100e6)
        elif job == "diff":
            found[job, tool] = function(old, new)
        else:
            found[job, tool] = [function(copied(tool, folder, edit)) for edit in (False, True)]
    return found


def refused(function: Any, *inputs: Any) -> bool:
    """Whether it raises `AssertionError`."""
    try:
        function(*inputs)
    except AssertionError:
        return True
    return False


def copied(tool: str, folder: Path, edit: bool) -> Path:
    """The copy of a network's file in a project."""
    source = {"timm": timm.models.resnet, "torchvision": torchvision.models.resnet}.get(tool)
    text = inspect.getsource(source) if source else zoo.pull("resnet18")
    file = folder / f"{tool}_copy.py"
    file.write_text(text.replace("bias=False", "bias=True", 1) if edit else text, encoding="utf-8")
    return file


def counted(function: Any) -> tuple[int, int]:
    """The lines of a solution, and its calls."""
    definition = ast.parse(inspect.getsource(function)).body[0]
    assert isinstance(definition, ast.FunctionDef)
    lines = {line for part in definition.body for line in range(part.lineno, (part.end_lineno or part.lineno) + 1)}
    helpers = [path] if any(isinstance(one, ast.Name) and one.id == "path" for one in ast.walk(definition)) else []
    more = [counted(one) for one in helpers if one is not function]
    calls = sum(isinstance(one, ast.Call) for part in definition.body for one in ast.walk(part))
    return len(lines) + sum(one[0] + 1 for one in more), calls + sum(one[1] for one in more)


def sizes() -> dict[str, Any]:
    """Lines and calls by job and tool, for `benchmarks/page.py`."""
    found = {pair: counted(function) for pair, function in solutions().items()}
    return {job: {"what": what, "by tool": {t: found[job, t] for t in TOOLS if (job, t) in found}} for job, what in JOBS.items()}


def main() -> int:
    """Run all, compare what they give, and print lines and calls."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = outcomes(Path(folder))
    wrong = [f"{job}: {tool} gives {result}" for (job, tool), result in found.items() if result != found[job, "zoo"]]
    text = "\n".join([*wrong, json.dumps(sizes(), indent=1, ensure_ascii=False)])
    print(text)
    if given.output and not wrong:
        given.output.write_text(text + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
