"""A small project from start to end: pull a network, transfer it, use its features in a neck, export it, and keep it up to date.

Run: python examples/project.py FOLDER

LeNet-5 learns scikit-learn's digits 0 to 4, and is then fine-tuned for 5 to 9. All files are
written to FOLDER; nothing is downloaded.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torchvision.ops import FeaturePyramidNetwork

import zoo

SIZE = (1, 1, 32, 32)


def digits(*classes: int) -> tuple[Tensor, Tensor]:
    """Images of these digits, N×1×32×32 from 0 to 1, and the number of each digit in `classes`."""
    pixels, labels = (torch.from_numpy(array) for array in load_digits(return_X_y=True))
    chosen = torch.isin(labels, torch.tensor(classes))
    images = interpolate(pixels[chosen].float().view(-1, 1, 8, 8) / 16, size=32, mode="bilinear")
    return images, labels[chosen] - min(classes)


def train(model: nn.Module, groups: list[dict[str, object]], images: Tensor, labels: Tensor) -> float:
    """Train for one epoch on three quarters of the images, and return the accuracy on the others."""
    learnt, unseen = torch.randperm(len(images)).split([len(images) * 3 // 4, len(images) - len(images) * 3 // 4])
    optimizer = torch.optim.AdamW(groups)
    for batch in learnt.split(16):
        optimizer.zero_grad()
        cross_entropy(model.train()(images[batch]), labels[batch]).backward()
        optimizer.step()
    with torch.inference_mode():
        return (model.eval()(images[unseen]).argmax(dim=1) == labels[unseen]).float().mean().item()


def builder(file: Path) -> Callable[..., nn.Module]:
    """The function `backbone` of a pulled file, as `from backbone import backbone` would give it."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.backbone


def main(folder: Path) -> None:
    """Do all steps, and print a line for each."""
    file = folder / "backbone.py"  # zoo pull lenet5_modern --name backbone
    file.write_text(zoo.pull("lenet5_modern", builder="backbone"), encoding="utf-8")
    backbone = builder(file)

    model = backbone(num_classes=5)
    accuracy = train(model, zoo.parameter_groups(model, lr=3e-3, input=SIZE), *digits(0, 1, 2, 3, 4))
    torch.save(model.state_dict(), folder / "digits0to4.pt")
    print(f"learn: {accuracy:.0%} of the digits 0 to 4")

    model = backbone(num_classes=5)
    report = zoo.load_weights(model, folder / "digits0to4.pt")
    zoo.reset_classifier(model, 5, input=SIZE)
    frozen = zoo.freeze(model, "stage1", input=SIZE)
    groups = zoo.parameter_groups(model, lr=3e-3, decay=0.5, input=SIZE)
    accuracy = train(model, groups, *digits(5, 6, 7, 8, 9))
    print(f"transfer: {len(report.context['loaded'])} tensors loaded, {len(frozen)} frozen; {accuracy:.0%} of the digits 5 to 9")

    body = zoo.features(model, input=SIZE)
    neck = FeaturePyramidNetwork([stage.channels for stage in body.stages.values()], 32)
    maps = neck(body(torch.rand(SIZE)))
    print(f"neck: {', '.join(f'{name} {tuple(one.shape[1:])}' for name, one in maps.items())}")

    zoo.export(model, folder / "digits.onnx", input=SIZE)
    print(f"export: digits.onnx, {zoo.summary(str(folder / 'digits.onnx')).total['params']:,} parameters")

    zoo.check_budget(model, input=SIZE, max_params=70_000, max_macs=500_000)
    print("budget: kept")

    narrow = folder / "narrow.py"
    narrow.write_text(file.read_text(encoding="utf-8").replace("120", "96"), encoding="utf-8")
    found = zoo.diff(f"{file}:backbone", f"{narrow}:backbone", input=SIZE)
    print(f"diff: {', '.join(row.name for row in found.rows)}")

    print(f"check: {zoo.check_pulled(narrow)}".replace(f"{folder}/", ""))
    narrow.write_text(zoo.pull("lenet5_modern", builder="backbone"), encoding="utf-8")  # the upgrade
    builder(narrow)(num_classes=5).load_state_dict(model.state_dict())
    print(f"upgrade: {zoo.check_pulled(narrow)}".replace(f"{folder}/", ""))


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
