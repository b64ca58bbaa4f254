"""Depth for its price: what the layers of AcmeNet and of ResNet-18 take."""

from zoo.extend import Arm, Column, Study, Table, arms_table, times


def run() -> Table:
    """AcmeNet against ResNet-18."""
    from zoo import summary

    arms = [Arm(name, summary(name, columns=["params", "depth"], depth=0).total) for name in ("acmenet", "resnet18")]
    columns = (Column("depth", "layers", "with weights", priority=0), Column("params", "elements", "parameters", priority=0))
    more = times(arms[1].cells["params"], arms[0].cells["params"])
    lesson = [f"{arms[1].cells['depth']} layers take {more} times the parameters of {arms[0].cells['depth']}."]
    return arms_table("depth-price: what does depth cost?", columns, arms, ratios=("params",), lesson=lesson)


STUDY = Study("depth-price", "What does depth cost?", run)
