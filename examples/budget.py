"""Analyze your own model, and fail when a layer or the whole network exceeds a budget.

The checks allocate no weights and run no convolution, so they cost milliseconds in a test suite. Run: python examples/budget.py
"""

from torch import Tensor, nn

import zoo

MAX_PARAMS = 100_000
MAX_MACS = 10_000_000
MIN_RECEPTIVE_FIELD = 15  # pixels: the size of the objects that the network has to recognize


class Net(nn.Module):
    """Three convolutions and a global average. Input N×3×32×32, output N×10."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 128, kernel_size=3, padding=1),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        features: Tensor = self.features(x)  # N×128×8×8
        scores: Tensor = self.classifier(features.mean((2, 3)))
        return scores


def check(net: nn.Module) -> zoo.Table:
    """The table of `net`. Raises `AssertionError` if it exceeds the budget."""
    table = zoo.summary(net, input=(1, 3, 32, 32))
    total = table.total
    # A count is an integer, or {"at_least": ..., "unknown": ...} where an op has no rule: a lower bound must not pass as a count.
    assert isinstance(total["params"], int), total["params"]
    assert isinstance(total["macs"], int), total["macs"]
    assert total["params"] <= MAX_PARAMS, f"{total['params']:,} parameters, the budget is {MAX_PARAMS:,}"
    assert total["macs"] <= MAX_MACS, f"{total['macs']:,} MACs, the budget is {MAX_MACS:,}"

    last = next(row for row in table.rows if row.name == "features.4")
    seen = last.cells["rf"]["size"]
    assert min(seen) >= MIN_RECEPTIVE_FIELD, f"features.4 sees {seen[0]}×{seen[1]} pixels, {MIN_RECEPTIVE_FIELD} are needed"
    return table


if __name__ == "__main__":
    print(check(Net()))
    print("within the budget")
