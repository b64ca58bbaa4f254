"""Depth for its price: what the layers of AcmeNet and of another network take."""

from typing import Annotated

from zoo.extend import Arm, Column, Study, Table, TargetName, arms_table, measure, ratio_text, trace


def run(against: Annotated[TargetName, "the network to compare with"] = "resnet18") -> Table:
    """AcmeNet against another network."""
    arms = [Arm(name, measure(trace(name), columns=["params", "depth"], depth=0).total) for name in ("acmenet", against)]
    columns = (Column("depth", "layers", "with weights", hide_order=0), Column("params", "elements", "parameters", hide_order=0))
    more = ratio_text(arms[1].cells["params"], arms[0].cells["params"])
    lesson = [f"{arms[1].cells['depth']} layers take {more} times the parameters of {arms[0].cells['depth']}."]
    return arms_table("depth-price: what does depth cost?", columns, arms, ratios=("params",), lesson=lesson)


STUDY = Study("depth-price", "What does depth cost?", run)
