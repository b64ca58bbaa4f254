"""One thread for each test process: there are as many processes as cores. The user's cache is not touched.

Networks are traced, not read from the traces that come with the package: each of those is held equal to a new trace.

What takes seconds each is marked slow, and left to `pytest -m slow`.
"""

import os
import re
from collections.abc import Iterator
from fnmatch import translate

import pytest
import torch

from zoo.models import shipped

torch.set_num_threads(1)
os.environ["ZOO_CACHE"] = os.path.join(os.devnull, "zoo")

SLOW = (
    *(
        f"*test_archs.py::test_{test}?{net}*"
        for test in ("training_step", "seed")
        for net in ("vgg", "alexnet", "zfnet", "caffenet")
    ),
    *("*?resnet1202*", "*test_weights.py::test_both_ways?vgg*", "*test_archs.py::test_*start*"),
    *(
        f"*test_verifying.py::test_experiment?{net}*"
        for net in ("alexnet", "caffenet", "googlenet", "zfnet", "plain", "resnet", "vgg")
    ),
    *("*test_pulling.py::test_training_example*", "*test_weights.py::test_both_ways?resnet1[05]*"),
    *("*test_exporting.py::*", "*test_random_networks.py::*", "*test_plugins.py::test_the_example_is_built*"),
    *("*test_surveying.py::test_any_executor*", "*test_surveying.py::test_interrupted*", "*test_shortcuts.py::test_same_table*"),
    *(
        f"*test_dependencies.py::test_commands_require*{name}*"
        for name in "rich vision fvcore timm onnx arrow tensors none".split()
    ),
    "*test_site.py::test_the_whole*",
    *("*test_memory.py::*?googlenet*", "*test_coverage.py::*", "*test_real.py::*ssdlite*"),
    *("*test_worked_examples.py::*questions.site*", "*test_public.py::test_example?site*", "*test_dependencies.py::*jinja2*"),
    *(
        "*test_sweeping.py::test_a_model_that_ends*",
        "*test_weights.py::test_weights_of_another*",
        "*test_pulling.py::test_runs_without*",
    ),
    *(
        "*test_isolation.py::test_neighbours*",
        "*test_caching.py::test_two_at_once*",
        "*test_examples.py::test_budget_exceeded*MIN*",
    ),
    *(f"*test_studies.py::test_formats?{name}*" for name in ("through", "printed", "receptive", "plain", "googlenet", "scaling")),
    *(f"*test_archs.py::test_{test}?{net}*" for test in ("training_step", "seed") for net in ("googlenet", "resnet50", "plain110")),
    *("*test_archs.py::test_training_step?resnet110*", "*test_archs.py::test_training_step?resnet18*"),
    *(f"*test_docs.py::test_commands_print*{page}.md*" for page in ("studies", "plots", "surveys")),
    *("*test_sweeping.py::test_command", "*test_sweeping.py::test_any_executor*", "*test_conventions.py::test_tools_agree*"),
    *("*test_receptive.py::test_channels_are_not*googlenet*", "*test_left_as_it_was.py::test_model_from_a_file*make*"),
    *("*test_dependencies.py::*matplotlib*", "*test_surveying.py::test_command", "*test_examples.py::test_train_digits*"),
    *(
        f"*test_receptive_field_experiment.py::*?{net}*"
        for net in "resnet110 plain110 plain32 plain44 resnet44 resnet56 zfnet".split()
    ),
    *(f"*test_receptive_field_experiment.py::*?{net}?" for net in "googlenet_bn alexnet_ungrouped caffenet plain56".split()),
    *(f"*test_explain.py::test_every_formula*?{net}?" for net in "googlenet plain18 fcn8s fcn16s fcn32s vgg_cnn_m zfnet".split()),
    *("*test_bad_input.py::test_smallest_size?googlenet*", "*test_bad_input.py::test_smallest_size?vgg*"),
    *(f"*test_archs.py::test_training_step?{net}*" for net in ("resnet101", "resnet152", "resnet34_", "plain34", "resnet50_v")),
    *(f"*test_catalogue_numbers.py::test_flop_counter_mode?{net}*" for net in ("resnet44", "resnet1", "plain110")),
    *(f"*test_studies.py::test_ratios?{name}*" for name in ("through", "receptive")),
    *("*test_surveying.py::test_models_leave_nothing*", "*test_habits.py::test_the_debugger_opens*"),
    *(f"*test_shipped.py::test_equal_to_a_new_trace?{net}*" for net in ("resnet1[05]*_", "plain5", "resnet5")),
    *(
        f"*test_receptive_field_experiment.py::test_in_images_larger*?{net}*"
        for net in ("resnet101", "resnet152", "resnet34_", "plain")
    ),
    *("*test_torchvision_published.py::test_classifier?swin_v2*", "*test_folding.py::test_rows_add_up?*resnet110*"),
)


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    """Trace the networks of the catalogue."""
    with shipped.unused():
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    slow = re.compile("|".join(map(translate, SLOW)))  # one pattern: there are ten thousand tests
    for item in items:
        if slow.match(item.nodeid.replace("[", "?")):
            item.add_marker(pytest.mark.slow)
