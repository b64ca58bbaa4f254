"""The rule book: what is known of an op stands in one record, every column asks it, and what it does not say is unknown."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import flop_counter
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula

import zoo
from zoo.extend import OpRule, factors, rule_of_kind
from zoo.graph_files import operators
from zoo.ops import page
from zoo.ops.arithmetic import flops, flops_working, macs, macs_working, written_out
from zoo.ops.book import BY_TRAIT, OPS, families, rule_of
from zoo.ops.count import Count
from zoo.ops.rule import Cost
from zoo.record.trace import Op, Trace, Value
from zoo.util import plugins

ROOT = Path(zoo.__file__).parent.parent
TARGETS = ["alexnet", "googlenet", "resnet18", "stn_mnist", "torchvision:swin_v2_t", "torchvision:convnext_tiny"]


def traced(target: str) -> Trace:
    from zoo.models.running import trace_target

    return trace_target(target)


# One record -----------------------------------------------------------------------------------------------------------


def test_no_kind_has_two_records() -> None:
    """Kills a kind of which two families say something, so that one of them is lost."""
    kinds = [kind for module in families() for rule in module.RULES for kind in rule.kinds.split()]
    assert len(kinds) == len(set(kinds)) > 300


def test_words_of_graph_files_are_known() -> None:
    """Kills an ONNX operator that is translated into a word of which no record knows anything."""
    source = Path(operators.__file__).read_text(encoding="utf-8")
    words = {*re.findall(r'Step\("(\w+)"', source), *re.findall(r'_(?:view|moved|reduce|argument|norm|softmax)\("(\w+)"', source)}
    assert len(words) > 20
    assert {word for word in words if rule_of_kind(word) == OpRule("")} == set()


@pytest.mark.parametrize("kind", OPS.all())
def test_an_op_that_multiplies_says_what_follows(kind: str) -> None:
    """Kills products without a line for what else the op does, and without a word on whether it is a layer."""
    rule = rule_of_kind(kind)
    if rule.macs:
        assert rule.other_flops is not None
        assert rule.layers is not None


def test_every_model_is_known() -> None:
    """Kills a record that is lost: every op of these networks has its costs, and nearly every one a field."""
    for target in TARGETS:
        for op in traced(target).ops:
            assert rule_of(op).macs is not None, op.kind
            assert rule_of(op).layers is not None, op.kind


# What is absent is unknown --------------------------------------------------------------------------------------------

UNKNOWN = {"at_least": 0, "unknown": {"demo::f": 1}}


def one_op(*traits: str) -> Trace:
    """A model of one op on an image, which has a trainable weight."""
    image, weight, out = (Value(i, (1, 3, 8, 8), "float32", source) for i, source in enumerate(("input", "parameter", "op")))
    from zoo.record.trace import Call, Param

    own = Param("weight", weight.shape, "float32", "parameter", True)
    op = Op("demo::f", 0, (image, weight), ("x", "weight"), (out,), {}, frozenset(traits), (own,))
    return Trace("Net", "train", (image,), (out,), (Call("", "Net", None, True, (out,)),), (op,))


def total(**facts: Any) -> dict[str, Any]:
    with zoo.register(OpRule("demo::f", **facts)):
        names = ["macs", "flops", "rf", "depth", "saved", "backward_macs"]
        return dict(zoo.measure(one_op(), columns=names).total)


def test_an_absent_fact_is_unknown() -> None:
    """Kills a column that takes silence for zero."""
    rf = {"undefined": "no rule for demo::f"}
    nothing = {"macs": UNKNOWN, "flops": UNKNOWN, "rf": rf, "depth": UNKNOWN, "saved": UNKNOWN, "backward_macs": UNKNOWN}
    assert total() == nothing
    assert zoo.measure(one_op(), columns=list(nothing)).total == nothing
    assert total(layers=2) == nothing | {"depth": 2}
    assert total(saved=lambda op, needed: (op.inputs[:1], 5)) == nothing | {"saved": 5 + 4 * 192}
    assert total(backward_macs=lambda op, needed: 7) == nothing | {"backward_macs": 7}
    assert total(receptive_field=lambda op, fields: fields[0])["rf"] == {"size": [1, 1], "stride": [1, 1], "padding": [0, 0]}


def test_a_part_of_a_cost_is_a_lower_bound() -> None:
    """Kills FLOPs that are exact although only the products are known, or only the rest."""
    products, rest = factors("a", "b")(lambda op: (3, 4)), factors("c")(lambda op: (5,))
    assert total(macs=products)["flops"] == {"at_least": 24, "unknown": {"demo::f": 1}}
    assert total(other_flops=rest)["flops"] == {"at_least": 5, "unknown": {"demo::f": 1}}
    assert total(macs=products, other_flops=rest)["flops"] == 29
    assert total(macs=products, other_flops=0)["macs"] == 12
    assert total(macs=factors("n")(lambda op: None), other_flops=0)["macs"] == UNKNOWN


def test_without_products_no_layer() -> None:
    """Kills an op of no multiply-accumulates whose depth and backward are unknown: they follow."""
    found = total(macs=0, other_flops=0)
    assert (found["macs"], found["flops"], found["depth"], found["backward_macs"]) == (0, 0, 0, 0)
    assert found["saved"] == UNKNOWN


def test_depth_of_branches_is_a_lower_bound() -> None:
    """Kills an unknown op on the shorter way that is forgotten behind the longer one."""
    from zoo.analysis.columns.depth import cell, rule

    image = Value(0, (1, 3), "float32", "input")
    add = Op("add", 0, (image, image), ("self", "other"), (image,), {}, frozenset({"pointwise"}))
    joined = rule(add, (3, Count(1, {"demo::f": 1})))
    assert cell([joined]) == {"at_least": 3, "unknown": {"demo::f": 1}}


@pytest.mark.parametrize("trait", BY_TRAIT)
def test_traits_speak_where_a_record_is_silent(trait: str) -> None:
    """Kills a tag of torch's that overrides a record, and a record that silences the tag in all else."""
    op = one_op(trait).ops[0]
    assert macs(op) == 0
    with zoo.register(OpRule("demo::f", macs=factors("n")(lambda op: (9,)), layers=1)):
        assert macs(op) == 9
        assert rule_of(op).other_flops == BY_TRAIT[trait].other_flops
    assert macs(op) == 0


# Working --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_explained_is_what_was_counted(target: str) -> None:
    """Kills names that do not fit their factors, and a working that adds up to another number."""
    for op in traced(target).ops:
        for count, working in ((macs, macs_working), (flops, flops_working)):
            terms = working(op)
            assert terms is not None, op.kind
            assert sum(round(prod(term.values())) for term in terms) == count(op), op.kind


def test_working_of_a_convolution() -> None:
    """Kills factors in another order than their names: AlexNet's first layer, whose sizes are in the paper."""
    conv1 = next(op for op in traced("alexnet").ops if op.kind == "conv2d")
    terms = macs_working(conv1)
    assert terms is not None
    assert written_out(terms[0]) == "N 1 · C_out 96 · H_out 55 · W_out 55 · C_in/groups 3 · k_h 11 · k_w 11"


def test_a_factor_without_a_name_is_refused() -> None:
    """Kills a working that drops factors."""
    with pytest.raises(ValueError, match="zip"):
        Cost(("rows",), lambda op: (2, 3)).working(one_op().ops[0])


# Mixture of experts ---------------------------------------------------------------------------------------------------


class Experts(nn.Module):
    """24 rows of 16, in four groups, each with a matrix 16×32 of its own."""

    ENDS = (6, 10, 18, 24)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 16, 32, dtype=torch.bfloat16))

    def forward(self, x: Tensor) -> Tensor:
        ends = torch.tensor(self.ENDS, dtype=torch.int32, device=x.device)
        return torch._grouped_mm(x.reshape(24, 16).to(torch.bfloat16), self.weight, offs=ends)


class Loop(Experts):
    """The same, one product after the other."""

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(24, 16).to(torch.bfloat16)
        starts = (0, *self.ENDS)
        parts = [rows[a:b] @ self.weight[i] for i, (a, b) in enumerate(zip(starts, self.ENDS, strict=False))]
        return torch.cat(parts)


def test_grouped_product() -> None:
    """Kills a product of groups of rows that is a lower bound in some column, or differs from the loop over its groups."""
    columns = ["output", "macs", "flops", "depth", "backward_macs"]
    grouped = zoo.summary(Experts(), input=(1, 1, 24, 16), columns=[*columns, "rf", "saved", "units"], train=True)
    loop = zoo.summary(Loop(), input=(1, 1, 24, 16), columns=columns, train=True)
    assert {name: grouped.total[name] for name in columns} == loop.total
    assert grouped.total["macs"] == 24 * 16 * 32
    assert grouped.total["rf"]["size"] == [1, 16]
    assert grouped.total["saved"] == 24 * 16 * 2  # the rows; where the groups end is a constant


@pytest.mark.parametrize("needed", [(True, True), (False, True), (True, False)])
def test_grouped_product_keeps_what_autograd_keeps(needed: tuple[bool, bool]) -> None:
    """Kills a factor that is kept for nothing, or lost, and ends of groups that nobody counts."""
    rows = torch.zeros(24, 16, dtype=torch.bfloat16, requires_grad=needed[0])
    weight = torch.zeros(4, 16, 32, dtype=torch.bfloat16, requires_grad=needed[1])
    ends = torch.tensor(Experts.ENDS, dtype=torch.int32)
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes), lambda t: t):
        torch._grouped_mm(rows, weight, offs=ends)
    dtypes = ("bfloat16", "bfloat16", "int32")
    values = [Value(i, tuple(t.shape), dtypes[i], "op") for i, t in enumerate((rows, weight, ends))]
    op = Op("_grouped_mm", 0, tuple(values), ("self", "mat2", "offs"), (Value(3, (24, 32), "bfloat16", "op"),), {})
    rule = rule_of(op).saved
    assert rule is not None
    found, made = rule(op, (*needed, False))
    assert (sorted(value.nbytes for value in found), made) == (sorted(kept), 0)


@pytest.mark.parametrize(
    ("first", "second", "products"),
    [((24, 16), (4, 16, 32), 24 * 16 * 32), ((4, 6, 16), (4, 16, 32), 24 * 16 * 32), ((4, 6, 16), (16, 32), 6 * 16 * 32)]
    + [((24, 16), (16, 32), 24 * 16 * 32)],
)
def test_grouped_products_of_all_ranks(first: tuple[int, ...], second: tuple[int, ...], products: int) -> None:
    """Kills groups that are counted twice: each place of the grouped dimension belongs to one group."""
    values = [Value(i, shape, "bfloat16", "input") for i, shape in enumerate((first, second))]
    op = Op("_grouped_mm", 0, tuple(values), ("self", "mat2"), (Value(2, (1,), "bfloat16", "op"),), {})
    assert macs(op) == products


# From outside ---------------------------------------------------------------------------------------------------------


def library_op(name: str, fake: bool) -> Any:
    """A custom op on a rows N×in and a weight out×in."""
    torch.library.define(f"demo::{name}", "(Tensor x, Tensor weight, float scale, *, bool flag=True) -> Tensor")
    if fake:
        torch.library.impl(f"demo::{name}", "Meta", lambda x, weight, scale, flag=True: x.new_empty(x.shape[0], weight.shape[0]))
    return getattr(torch.ops.demo, name)


class Head(nn.Module):
    def __init__(self, op: Any) -> None:
        super().__init__()
        self.op = op
        self.weight = nn.Parameter(torch.zeros(32, 16))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.op(x, self.weight, 0.5)
        return found


def test_a_shape_stands_for_a_fake_implementation() -> None:
    """Kills a custom op that cannot be traced although its record gives its shape."""
    op = library_op("shaped", fake=False)
    with pytest.raises(zoo.ZooError, match=r"demo::shaped"):
        zoo.summary(Head(op), input=(24, 16))
    with zoo.register(OpRule("demo::shaped", shape=lambda op: (op.inputs[0].shape[0], op.inputs[1].shape[0]))):
        assert zoo.summary(Head(op), input=(24, 16), columns=["output"]).total["output"] == [24, 32]


def test_a_formula_of_torch_counts_under_its_convention() -> None:
    """Kills arguments that reach a formula in another order, or not at all: torch's own counter says how many."""
    op = library_op("counted", fake=True)

    def formula(x: Sequence[int], weight: Sequence[int], scale: float, *, flag: bool = True, out_shape: Any = None) -> int:
        return int(3 * x[0] * x[1] * weight[0] + (2 * scale) * prod(out_shape)) * flag

    model = Head(op)
    assert zoo.summary(model, input=(24, 16), columns=["flops"], convention="torch").total["flops"] == 0
    register_flop_formula(op)(formula)
    try:
        with FlopCounterMode(display=False) as counter:
            model.to("meta")(torch.empty(24, 16, device="meta"))
        found = zoo.summary(model, input=(24, 16), columns=["macs", "flops"], convention="torch").total
        assert found == {"macs": counter.get_total_flops() // 2, "flops": counter.get_total_flops()}
        assert found["flops"] == 3 * 24 * 16 * 32 + 24 * 32
    finally:
        del flop_counter.flop_registry[op]


def test_what_is_known_stays_ours() -> None:
    """Kills a record from outside that changes what everybody's convolution costs."""
    with pytest.raises(zoo.ZooError, match="conv2d"):
        zoo.register(OpRule("conv2d", macs=0))


def test_a_module_of_records_is_registered() -> None:
    """Kills records of a module of which only the first is known, or that stay when they are taken out."""
    module = ModuleType("mine")
    module.RULES = (OpRule("demo::a demo::b", macs=0), OpRule("demo::c", layers=3))  # type: ignore[attr-defined]
    with zoo.register(module):
        assert (rule_of_kind("demo::b").macs, rule_of_kind("demo::c").layers) == (0, 3)
    assert rule_of_kind("demo::b") == rule_of_kind("demo::c") == OpRule("")


def test_a_broken_registered_record_is_named() -> None:
    """Kills an error of a rule that is blamed on the network."""
    rule = OpRule("demo::f", macs=factors("n")(lambda op: (1 // 0,)))
    with zoo.register(rule), pytest.raises(zoo.ZooError, match=r"^the rule of demo::f: ZeroDivisionError"):
        macs(one_op().ops[0])


def test_a_broken_record_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a traceback out of a package's record, and a package whose records nobody reads."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    info.joinpath("entry_points.txt").write_text("[zoo.ops]\nf = broken_rules\n")
    (tmp_path / "broken_rules.py").write_text(
        "from zoo.extend import OpRule, factors\nRULES = [OpRule('demo::f', macs=factors('n')(lambda op: (1 // 0,)))]\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    plugins.refresh()
    try:
        with pytest.raises(zoo.ZooError, match=r"^plugin broken: ZeroDivisionError") as error:
            macs(one_op().ops[0])
        assert "\n" not in str(error.value)
    finally:
        monkeypatch.undo()
        plugins.refresh()
        sys.modules.pop("broken_rules", None)


def test_the_recipe_of_an_op_is_right() -> None:
    """Kills a recipe that does not run."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "RULES" in b)
    module = ModuleType("recipe")
    exec(block, vars(module))
    with zoo.register(module):
        model = Head(torch.ops.recipe.scaled_linear if hasattr(torch.ops.recipe, "scaled_linear") else recipe_op())
        assert zoo.summary(model, input=(24, 16), columns=["macs", "flops"]).total == {"macs": 12_288, "flops": 25_344}


def recipe_op() -> Any:
    torch.library.define("recipe::scaled_linear", "(Tensor x, Tensor weight, float scale) -> Tensor")
    torch.library.impl("recipe::scaled_linear", "Meta", lambda x, weight, scale: x.new_empty(x.shape[0], weight.shape[0]))
    return torch.ops.recipe.scaled_linear


# The page, and what it costs ------------------------------------------------------------------------------------------


def test_the_page_is_up_to_date() -> None:
    """Kills a page that lists yesterday's records. ZOO_RENEW_GOLDENS=1 writes it."""
    path = ROOT / "docs" / "ops.md"
    if os.environ.get("ZOO_RENEW_GOLDENS"):
        path.write_text(page.page(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page.page()


@pytest.mark.parametrize(("arguments", "expected"), [("list", False), ("info alexnet", False), ("--version", False)])
def test_the_book_is_opened_when_it_is_needed(arguments: str, expected: bool) -> None:
    """Kills a listing that waits for the records of all ops."""
    code = "import sys\nfrom zoo_cli.main import run\nrun(sys.argv[1:])\nprint('BOOK', 'zoo.ops.families.pooling' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *arguments.split()], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"BOOK {expected}"


def test_the_book_is_opened_by_a_summary() -> None:
    """The twin: kills a probe that never sees it."""
    test_the_book_is_opened_when_it_is_needed("summary lenet5", True)
