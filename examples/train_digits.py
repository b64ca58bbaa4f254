"""Pull an architecture into one file, and train it for one epoch on scikit-learn's digits.

Run: python examples/train_digits.py FOLDER

The file that is written needs torch alone. The digits come with scikit-learn: nothing is downloaded.
"""

import importlib
import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy, interpolate

import zoo


def main(folder: Path) -> float:
    """Write lenet5_modern.py to `folder`, train the network for one epoch, and return its accuracy on unseen images."""
    folder.joinpath("lenet5_modern.py").write_text(zoo.pull("lenet5_modern"), encoding="utf-8")
    sys.path.insert(0, str(folder))
    model = importlib.import_module("lenet5_modern").lenet5_modern()

    pixels, digits = (torch.from_numpy(array) for array in load_digits(return_X_y=True))  # 1797 images of 8×8, from 0 to 16
    images = interpolate(pixels.float().view(-1, 1, 8, 8) / 16, size=32, mode="bilinear")  # 1797×1×32×32
    train, test = torch.randperm(len(images)).split([1437, 360])

    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for batch in train.split(16):
        optimizer.zero_grad()
        cross_entropy(model(images[batch]), digits[batch]).backward()
        optimizer.step()

    with torch.inference_mode():
        return (model(images[test]).argmax(dim=1) == digits[test]).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(0)
    print(f"accuracy {main(Path(sys.argv[1] if len(sys.argv) > 1 else '.')):.1%}")
