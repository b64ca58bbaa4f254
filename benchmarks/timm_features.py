"""Every timm model's feature levels against timm's own table of them, `feature_info`.

    python benchmarks/timm_features.py [PATTERN ...] [--jobs N] [--cut] [-o benchmarks/timm_features.json]

Compares the channels at each reduction of timm's table with those of `zoo.stages(model, finest=True)`, or else of
`zoo.stages(model)`: some tables end with the convolution with which the head begins, and others before it. Prints a line for each
model that differs, with the modules that timm and zoo take, and the reason by name (`REASONS`) where one is known, then a count of
each kind and of each reason; exits with 1 if a model differs without a reason. With --cut, `zoo.features` is made too and run on
shapes. With -o, the counts are written for `benchmarks/page.py`. Weights are not allocated.
"""

import argparse
import fnmatch
import json
import sys
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import timm
import torch

import zoo
from zoo.tracing.skeleton import Skeleton

# Models for which timm's table differs from what is computed, by pattern, and why.
REASONS = {
    "fastvit_*": "its head begins with a convolution of 3×3, final_conv, which timm's table leaves out",
    "ghostnet*": "timm's table has the first of two stages at stride 16",
    "repghostnet*": "timm's table has the first of two stages at stride 16",
    "mobilenetv4_*_aa_*": "blur pooling: the block that reduces runs a window at the old resolution first",
    "mobilenetv4_*_blur_*": "blur pooling: the block that reduces runs a window at the old resolution first",
    "mobilenetv5_*_enc": "its output, msfa, joins the last two stages at stride 16, and timm's table leaves it out",
    "mobilenet_edgetpu_*": "the maps at stride 2 are those of the stem: a convolution of 1×1 counts with the stage after it",
    "inception_v4": "timm's table has an earlier map of stride 4 than the last",
    "xception*": "timm's table has activations inside the blocks that reduce",
    "tresnet_*": "timm's table has stride 2, but the input is rearranged to stride 4 before the first layer",
    "hiera_*": "its tokens are in the order of mask units, not in rows",
    "mvitv2_*_cls": "its class token is split off and joined again at each pooling",
    "pit_*": "its class token is split off and joined again at each pooling",
    "nest_*": "its pooling begins with a convolution of 3×3 and a norm at the old resolution",
    "tnt_*": "its tokens are the pixels of each patch",
    "efficientvim_*": "its maps are held as N×C×HW",
    "gemma4_*": "its patches are cut without a convolution",
    "naflexvit_*_parfac_*": "its patches are cut without a convolution",
}


SAME = {"equal", "equal on the path", "no table"}
UNEXPLAINED = "no reason is known"


def reason(name: str) -> str:
    """Why a model's table may differ; empty if no reason is known."""
    return next((why for pattern, why in REASONS.items() if fnmatch.fnmatch(name, pattern)), "")


def table_of(model: Any) -> dict[int, int] | None:
    """The channels of the last level at each reduction in timm's table; None if the model has none."""
    rows = getattr(model, "feature_info", None)
    if not rows:
        return None
    rows = rows.info if hasattr(rows, "info") else rows
    return {row["reduction"]: row["num_chs"] for row in rows}


def modules(model: Any, levels: dict[int, int], ours: dict[int, Any]) -> str:
    """Which modules timm and zoo take at each reduction where their channels differ."""
    rows = model.feature_info
    theirs = {row["reduction"]: row.get("module") for row in (rows.info if hasattr(rows, "info") else rows)}
    found = []
    for stride, channels in levels.items():
        mine = ours.get(stride)
        if mine is None or mine.channels != channels:
            found.append(f"{stride}: timm {channels} {theirs[stride]}, zoo {f'{mine.channels} {mine.layer}' if mine else 'none'}")
    return "; ".join(found)


def on_path(model: Any, theirs: dict[int, int]) -> dict[int, int]:
    """The channels of the usual stages at the reductions of timm's table."""
    try:
        usual = {stage.stride: stage.channels for stage in zoo.stages(model)}
    except zoo.ZooError:
        return {}
    return {stride: usual.get(stride, 0) for stride in theirs}


def compared(name: str, cut: bool = False) -> tuple[str, str]:
    """What came of it in one word, and in detail."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    try:
        with Skeleton():
            model = timm.create_model(name)
    except Exception as error:
        return "not built", str(error).splitlines()[0]
    if (theirs := table_of(model)) is None:
        return "no table", ""
    try:
        stages = zoo.stages(model, finest=True)
    except zoo.ZooError as error:
        return "refused", f"{error}; timm has {theirs}"
    except Exception as error:
        return "crashed", repr(error)
    ours = {stage.stride: stage for stage in stages}
    same = all(stride in ours and ours[stride].channels == channels for stride, channels in theirs.items())
    if not same:
        equal = on_path(model, theirs) == theirs
        return ("equal on the path", "") if equal else ("differs", modules(model, theirs, ours))
    if cut:
        try:
            body = zoo.features(model, reductions=list(theirs), finest=True)
            maps = zoo.trace(body, input=(2, *model.pretrained_cfg["input_size"])).outputs
        except zoo.ZooError as error:
            return "not cut", str(error)
        except Exception as error:
            return "crashed", repr(error)
        if [value.shape[1] for value in maps] != list(theirs.values()):
            return "cut differs", str([value.shape for value in maps])
    return "equal", ""


def counted(verdicts: dict[str, str]) -> dict[str, Any]:
    """How many models got each verdict, and how many differ for each reason, most first."""
    reasons = Counter(reason(name) or UNEXPLAINED for name, verdict in verdicts.items() if verdict not in SAME)
    return {
        "timm": timm.__version__,
        "verdicts": dict(Counter(verdicts.values()).most_common()),
        "reasons": dict(reasons.most_common()),
    }


def main() -> int:
    """Compare all models that match."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cut", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    names = list(dict.fromkeys(name for pattern in given.patterns for name in timm.list_models(pattern)))
    verdicts = {}
    with ProcessPoolExecutor(given.jobs) as pool:
        for name, (verdict, detail) in zip(names, pool.map(compared, names, [given.cut] * len(names)), strict=True):
            verdicts[name] = verdict
            if verdict not in SAME:
                print(f"{name}: {verdict}: {detail} ({reason(name) or UNEXPLAINED})", flush=True)
    found = counted(verdicts)
    print(json.dumps(found, indent=1, ensure_ascii=False))
    if given.output:
        given.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if UNEXPLAINED in found["reasons"] else 0


if __name__ == "__main__":
    sys.exit(main())
