"""Every kind of model there is: a sample of each family of timm and torchvision, against torch's own count.

benchmarks/every_model.py does this for all of them.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import zoo
from zoo.questions.survey import targets

FAMILIES = """
beit_base_patch16_224 cait_xxs24_224 coat_lite_mini convit_tiny convmixer_1024_20_ks9_p14 cpubone_nano crossvit_9_240 csatv2
cspnext_tiny darknet17 davit_tiny deepseek_vit_412m deit_tiny_patch16_224 densenet121 dla34 dpn48b edgenext_xx_small
efficientformer_l1 efficientformerv2_s0 efficientvim_m1 efficientvit_b0 efficientvit_m2 ese_vovnet19b_slim fasternet_t0 fastvit_t8
focalnet_tiny_srf gcvit_xxtiny gemma4_vit_167m ghostnet_050 hardcorenas_a hgnet_tiny hiera_tiny_224 hrnet_w18_small iformer_t
inception_next_atto inception_resnet_v2 inception_v3 inception_v4 lambda_resnet26t lcnet_035 lcnetv2_small legacy_seresnet18
legacy_xception levit_conv_128s lowformer_e1 mixer_s16_224 mobilenetv5_base mobilevitv2_050 mvitv2_tiny
naflexvit_base_patch16_siglip nasnetalarge nest_tiny nextvit_small pit_s_224 pnasnet5large poolformer_s12 pvt_v2_b0 qwen3_vit_88m
rdnet_tiny regnetx_002 repghostnet_050 repvit_m1_1 res2net50_48w_2s resnest14d resnet10t resnetv2_18 rexnet_100 sam2_hiera_tiny
samvit_base_patch16_224 selecsls42 sequencer2d_s shvit_s1 skresnet18 starnet_s050 swiftformer_xs swin_s3_tiny_224
swinv2_cr_tiny_224 swinv2_tiny_window16_256 test_byobnet test_coatnet test_convnext2 test_efficientnet_gn test_mambaout test_nfnet
test_vit tiny_vit_11m_224 tnt_s_legacy_patch16_224 tresnet_m twins_pcpvt_small vgg11 visformer_small vit_base_mci_224
vit_pe_spatial_base_patch16_512 vit_srelpos_medium_patch16_224 vitamin_base_224 volo_d1_224 xception41p xcit_tiny_12_p16_224
""".split()
COUNTED = """
timm:lambda_resnet26t timm:naflexvit_base_patch16_siglip timm:test_byobnet timm:test_coatnet timm:test_mambaout timm:test_nfnet
timm:test_vit torchvision:quantized_shufflenet_v2_x0_5 torchvision:r3d_18
""".split()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """benchmarks/every_model.py."""
    path = Path(__file__).parent.parent / "benchmarks" / "every_model.py"
    spec = importlib.util.spec_from_file_location("every_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # where it finds the libraries
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name: str, script: ModuleType) -> None:
    """Kills an op without a rule, a constructor or forward that needs values, and parameters that are lost or counted twice."""
    timm = pytest.importorskip("timm")
    if not timm.is_model(name):
        pytest.skip("another timm")
    found = script.analysed(f"timm:{name}")
    assert found["failure"] is None
    assert found["params"] == found["distinct"] > 0
    assert found["macs"] > 0
    assert not found["unknown"]


@pytest.mark.parametrize("name", COUNTED)
def test_counted(name: str, script: ModuleType) -> None:
    """Kills a cost that torch's own counter does not give, in functional, composed, recurrent and three-dimensional networks."""
    pytest.importorskip("timm")
    found = script.check(name)
    assert script.verdict(found) == "equal", found


@pytest.mark.parametrize(
    ("function", "flops"),
    [
        (lambda x: x[torch.nonzero(x.sum((1, 2, 3)))[:, 0]], {"nonzero": 1}),
        (lambda x: x.flatten(1)[:, : x.flatten(1).unique().numel()], {"_unique2": 1}),
    ],
)
def test_values(function: Callable[[torch.Tensor], torch.Tensor], flops: dict[str, int]) -> None:
    """Kills a choice by values that is said to multiply, or to be free."""

    class Chooses(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(x)

    total = zoo.summary(Chooses(), input=(2, 3, 4, 4), real=True, columns=["macs", "flops"]).total
    assert total["macs"] == 0
    assert total["flops"]["unknown"] == flops


GOOD = {
    "failure": None,
    "params": 7,
    "trainable": 7,
    "distinct": 7,
    "unknown": {},
    "macs": 10,
    "uncounted": {},
    "counted": 20,
}
"""What is recorded of a model whose numbers are those of all others."""


def test_verdicts(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a report that takes for equal, or explained, what is not."""
    good = {"name": "a", **GOOD}
    records = [
        good,
        {**good, "counted": 14, "uncounted": {"mv": 3}},
        {**good, "counted": 13, "uncounted": {"mv": 3}},
        {**good, "distinct": 8},
        {**good, "unknown": {"my::op": 1}},
        {**good, "counted": "RuntimeError: no"},
        {"name": "a", "failure": "why"},
        {"name": "a", "failure": "why", "ran": False},
        {**good, "published": 7},
        {**good, "published": 8},
    ]
    records = [{**record, "name": str(i)} for i, record in enumerate(records)]
    words = ["equal", "explained", "MACs differ", "parameters differ", "MACs not complete", "torch's counter fails", "not analysed"]
    words += ["torch does not run it", "equal", "parameters differ"]
    assert [script.verdict(record) for record in records] == words
    assert script.report(records) == 6
    assert "10 models" in capsys.readouterr().out


def test_all_are_asked() -> None:
    """Kills a pattern that leaves models out."""
    timm, models = pytest.importorskip("timm"), pytest.importorskip("torchvision.models")
    assert len(targets(["torchvision:*", "timm:*"])) == len(models.list_models()) + len(timm.list_models()) > 1300


def test_summary(script: ModuleType) -> None:
    """Kills a table that forgets packages of an earlier run, or models that were listed and not tried."""
    good = {**GOOD, "published": None}
    records = [{**good, "name": "timm:a"}, {**good, "name": "timm:b", "counted": 14, "uncounted": {"mv": 3}, "published": 7}]
    before = {"versions": {"other": "1"}, "models": {"other": {"equal": 3}}, "listed": {"other": 3}}
    found = script.summary(records, ["timm:a", "timm:b", "timm:c"], before)
    assert found["models"] == {"other": {"equal": 3}, "timm": {"equal": 1, "explained": 1}}
    assert found["listed"] == {"other": 3, "timm": 3}
    assert found["explained"] == {"timm": {"mv": 1}}
    assert found["published"] == {"timm": 1}
    assert found["versions"]["other"] == "1"


@pytest.fixture
def own_limits() -> Iterator[None]:
    """The script limits the memory of its process, which here is that of later tests too."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    yield
    resource.setrlimit(resource.RLIMIT_DATA, limits)


@pytest.mark.slow
@pytest.mark.usefixtures("own_limits")
@pytest.mark.parametrize(
    "name", ["BertModel", "BertModel/eager", "MixtralForCausalLM", "LlavaForConditionalGeneration", "MambaModel"]
)
def test_library(name: str, script: ModuleType) -> None:
    """Kills a library whose models cannot be built, or are counted otherwise than torch counts them."""
    pytest.importorskip("transformers")
    found = script.check(f"transformers:{name}")
    assert script.verdict(found) in {"equal", "explained"}, found
    assert set(found["uncounted"]) <= {"_grouped_mm"}
