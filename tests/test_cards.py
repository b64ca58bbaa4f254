"""What cards say: each statement has its source, nothing second-hand passes for read, and what can be checked here is checked."""

import json
import pickle
import re
from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest
import torch
from torch import nn

import zoo
from zoo.catalogue.bibtex import bibtex
from zoo.catalogue.card import Card, make_card
from zoo.catalogue.entries import children
from zoo.catalogue.evidence import PROVENANCE, Citation, Result, Source, Statement, cite, sources_of, state
from zoo_cli.main import run

Ask = Callable[..., str]
CARDS = [zoo.card(name) for name in zoo.list_models()]
TORCHVISION = [card for card in CARDS if card.torchvision]
cards = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)

# Repositories whose files were opened. A source elsewhere may not count as its author's.
AUTHORS = (
    "https://gist.github.com/ksimonyan/",
    "https://gist.github.com/mavenlin/",
    "https://github.com/BVLC/caffe",
    "https://github.com/GilLevi/AgeGenderDeepLearning",
    "https://github.com/KaimingHe/deep-residual-networks",
    "https://github.com/akrizhevsky/cuda-convnet2",
    "https://github.com/albanie/convnet-burden",
    "https://github.com/google-research/receptive_field",
    "https://github.com/lisa-lab/DeepLearningTutorials",
    "https://github.com/mavenlin/cuda-convnet",
    "https://github.com/pytorch/pytorch",
    "https://github.com/pytorch/tutorials",
    "https://github.com/pytorch/vision",
    "https://github.com/rbgirshick/py-faster-rcnn",
    "https://github.com/shelhamer/fcn.berkeleyvision.org",
    "https://github.com/tensorflow/models",
    "https://github.com/vlfeat/matconvnet",
    "https://github.com/yoonkim/CNN_sentence",
)
# Where a paper itself may be read.
PUBLISHERS = ("https://doi.org/", "https://arxiv.org/", "https://papers.nips.cc/", "https://bmva-archive.org.uk/")


def citations(card: Card) -> list[Citation]:
    told: list[Statement | Result] = [statement for _, statement in card.statements]
    return [citation for one in (*told, *card.results) for citation in one.citations]


def mistaken(lines: Iterable[str], cited: Iterable[Citation]) -> list[str]:
    """Citations that are not printed with the way in which their source was read."""
    page = " ".join(lines)
    return [str(one) for one in cited if one.source.key not in ("computed", "ours") and _printed(one) not in page]


def _printed(one: Citation) -> str:
    return f"{one.source.key}{one.place and f', {one.place}'}: {one.source.provenance}"


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command that must succeed and say nothing on stderr; what it prints."""

    def ask(*arguments: str) -> str:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return ask


# Sources ---------------------------------------------------------------------------------------------------------------


@cards
def test_everything_is_sourced(card: Card) -> None:
    """Kills a statement, a result or a printed number that rests on nothing."""
    assert [str(statement) for _, statement in card.statements if not statement.citations] == []
    assert [str(result) for result in card.results if not result.citations] == []
    assert [one.printed for one in card.published if one.source not in card.sources] == []


@cards
def test_every_source_is_cited(card: Card) -> None:
    """Kills a source for show."""
    used = {citation.source.key for citation in citations(card)} | {one.source for one in card.published}
    assert card.sources.keys() - used == set()


@cards
def test_nothing_second_hand_is_printed_as_read(card: Card, ask: Ask) -> None:
    """Kills a page, or JSON, that drops or raises the rank of a source."""
    page = " ".join(ask("info", card.name).split())
    table = json.loads(ask("info", card.name, "--format", "json"))
    where = [row["where"] for row in table["rows"] if row["type"] == "published"]
    assert mistaken([page], citations(card)) == []
    assert mistaken(table["notes"], citations(card)) == []
    assert mistaken(where, [Citation(card.sources[one.source], one.where) for one in card.published]) == []
    for source in card.sources.values():
        assert f"source {source.key}: {source.provenance}, " in page


def test_a_raised_rank_is_found() -> None:
    """The check above fails where a page prints what somebody says as if it had been read."""
    hearsay = Citation(Source("blog", "second-hand", "a blog"), "part 2")
    honest = str(Statement("It has 7 layers.", (hearsay,)))
    assert honest == "It has 7 layers. [blog, part 2: second-hand]"
    assert mistaken([honest], [hearsay]) == []
    assert mistaken([honest.replace("second-hand", "paper")], [hearsay]) != []
    assert mistaken(["It has 7 layers."], [hearsay]) != []


@cards
def test_rank_of_sources(card: Card) -> None:
    """Kills a copy, or a stranger's repository, that counts as a file of the authors or as the paper itself."""
    for source in card.sources.values():
        assert source.provenance in PROVENANCE
        assert source.provenance not in ("computed", "ours")
        if source.provenance == "author's file":
            assert source.url.startswith(AUTHORS), source
        if source.provenance == "paper":
            assert source.url.startswith(PUBLISHERS), source


def test_grammar_of_statements() -> None:
    """Kills brackets in the text taken for citations, places cut at a comma, and a source that nobody listed."""
    sources = sources_of({"paper": ("transcription", "its text"), "a tool": ("author's file", "its table", "https://x")})
    one = state("Maps [0, 1] are read. [paper, section 2, note 3; a tool; computed]", sources)
    assert one.text == "Maps [0, 1] are read."
    assert [(c.source.key, c.place) for c in one.citations] == [("paper", "section 2, note 3"), ("a tool", ""), ("computed", "")]
    assert str(one).endswith("[paper, section 2, note 3: transcription; a tool: author's file; computed]")
    assert str(state("No source.", sources)) == "No source. [no source given]"
    with pytest.raises(ValueError, match="'papr, section 2' cites an unknown source: expected one of paper, a tool"):
        cite("papr, section 2", sources)
    with pytest.raises(ValueError, match="'hearsay' is none of"):
        sources_of({"x": ("hearsay", "what")})


def test_unknown_source_names_the_card() -> None:
    """Kills a wrong citation that is found without saying where, and a recipe in words of its own."""
    facts = {"title": "T", "year": 2020, "authors": "A", "paper": "P", "input": (1, 2, 2), "params": 1, "macs": 1, "depth": 1}
    with pytest.raises(zoo.ZooError, match="@arch of net: 'papr' cites an unknown source"):
        make_card("net", "family", "Doc.", {**facts, "errata": ("It is wrong. [papr]",)})
    with pytest.raises(zoo.ZooError, match="@arch of net: recipe has lr: expected keys among loss, optimiser"):
        make_card("net", "family", "Doc.", {**facts, "recipe": {"lr": "0.1 [ours]"}})


# Results ---------------------------------------------------------------------------------------------------------------


def test_errors_from_accuracies() -> None:
    """Kills an accuracy taken for an error, floating-point dust, and an error made up where none is printed."""
    source = (Citation(Source("x", "paper", "x")),)
    one = Result(on="test", measure="accuracy", top1="57.1", citations=source)
    assert (one.error(1), one.error(5)) == (Decimal("42.9"), None)
    assert Result(on="test", top5="18.2", citations=source).error(5) == Decimal("18.2")


@cards
def test_results_are_possible(card: Card) -> None:
    """Kills digits that were swapped: errors lie between 0 and 100, the top-5 error below the top-1 error."""
    for result in card.results:
        errors = [error for k in (1, 5) if (error := result.error(k)) is not None]
        assert errors
        assert all(0 < error < 100 for error in errors)
        assert errors == sorted(errors, reverse=True)
        assert result.models >= 1


def best(name: str) -> dict[str, Decimal]:
    """The lowest top-5 error on the card of single networks and of averages."""
    found: dict[str, Decimal] = {}
    for result in zoo.card(name).results:
        kind, error = "single" if result.models == 1 else "averaged", result.error(5)
        if error is not None:
            found[kind] = min(error, found.get(kind, error))
    return found


def test_ilsvrc_by_year() -> None:
    """Kills an error on the wrong card, and an average of networks passed off as one."""
    entries = [best(name)["averaged"] for name in ("alexnet", "zfnet", "vgg19", "googlenet", "resnet152")]
    assert list(map(str, entries)) == ["15.3", "14.8", "6.8", "6.67", "3.57"]
    assert str(best("alexnet")["single"]) == "17.0"
    for name in ("alexnet", "zfnet", "vgg19", "googlenet", "resnet152"):
        assert best(name)["averaged"] < best(name)["single"]


@pytest.mark.parametrize("card", TORCHVISION, ids=lambda card: card.name)
def test_torchvision_on_the_card(card: Card) -> None:
    """Kills an accuracy, an address or a preprocessing that torchvision does not state for these weights."""
    from torchvision.models import get_model_weights

    weights = get_model_weights(card.torchvision)["IMAGENET1K_V1"]
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]
    (result,) = [result for result in card.results if "torchvision" in result.note]
    assert (float(result.top1), float(result.top5)) == (accuracy["acc@1"], accuracy["acc@5"])
    assert any(weights.url in statement.text for statement in card.weights)
    shown = weights.transforms()
    text = " ".join(statement.text for statement in card.preprocessing)
    assert str(tuple(shown.mean)) in text
    assert str(tuple(shown.std)) in text
    if card.name != "googlenet_bn":
        assert f"scaled to {shown.resize_size[0]} pixels, {shown.crop_size[0]}×{shown.crop_size[0]} centre crop" in text


def test_preprocessing_that_is_not_stated() -> None:
    """Kills a mean, a scale or an interpolation that is made up, and a transform for what is no image."""
    known = zoo.card("resnet50").preprocessing
    assert known.to_dict() == {"crop": [224, 224], "mean_of": "pixels"}
    assert (known.resize, known.interpolation, known.values, known.mean, known.std, len(known)) == (*[None] * 5, 1)
    with pytest.raises(zoo.ZooError, match=r"the mean is an image .*pass mean= and std="):
        known.transform()
    with pytest.raises(zoo.ZooError, match=r"no source states them.*pass mean= and std="):
        zoo.card("nin_cifar10").preprocessing.transform()
    with pytest.raises(zoo.ZooError, match="or neither"):
        known.transform(mean=[0.5])
    assert known.transform(mean=[0.5], std=[0.5])(torch.zeros(1, 300, 250, dtype=torch.uint8)).unique().tolist() == [-1]
    with pytest.raises(zoo.ZooError, match="does not take images"):
        zoo.card("text_cnn").preprocessing.transform()


@cards
def test_numbers_of_the_preprocessing_are_stated(card: Card) -> None:
    """Kills a number for programs that no cited statement of the card has."""
    images = card.preprocessing
    stated = set(re.findall(r"-?\b\d+(?:\.\d+)?\b", " ".join(statement.text for statement in images)))
    numbers = {number for field in ("values", "mean", "std") for number in getattr(images, field) or ()} | {images.resize}
    if card.torchvision:
        numbers -= {256, 0, 1}  # torchvision's own say them, see below
    assert {f"{number:.8g}" for number in numbers - {None, 0, 1}} <= stated
    assert images.mean_of in {None, "pixels", "channels"}
    assert (images.mean is None) == (images.std is None) == (images.values is None) == (images.mean_of != "channels")
    assert images.crop in {card.input[1:], None}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet5", [-0.1, 1.175]),
        ("lenet1", [-1.0, 1.0]),
        ("lenet_caffe", [0.0, 255 / 256]),
        ("stn_mnist", [-0.1307 / 0.3081, (1 - 0.1307) / 0.3081]),
    ],
)
def test_black_and_white(name: str, expected: list[float]) -> None:
    """Kills a background or an ink of another value than the source's, and padding that is not background."""
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[:, 6:22, 6:22] = 255
    digit = zoo.card(name).preprocessing.transform()(image)
    assert digit.shape == zoo.card(name).input
    assert [digit[0, 0, 0].item(), digit[0, 14, 14].item()] == pytest.approx(expected)
    assert [digit.min().item(), digit.max().item()] == pytest.approx(expected)


def test_preprocessing_of_caffe() -> None:
    """Kills channels in the wrong order, a mean of another scale, an image that is resized, and a transform that is not kept."""
    image = torch.tensor([10, 20, 30], dtype=torch.uint8).view(3, 1, 1).expand(3, 40, 50)
    transform = pickle.loads(pickle.dumps(zoo.card("fcn8s").preprocessing.transform()))
    mapped = transform(image)
    assert mapped.shape == (3, 40, 50)
    torch.testing.assert_close(mapped[:, 0, 0], torch.tensor([30 - 104.00699, 20 - 116.66877, 10 - 122.67892]))
    assert zoo.card("googlenet").preprocessing.transform()(image).shape == (3, 224, 224)


@pytest.mark.parametrize("card", TORCHVISION, ids=lambda card: card.name)
def test_preprocessing_for_programs(card: Card) -> None:
    """Kills a size, a mean or an interpolation other than torchvision's, and a transform that does something else with them."""
    from torchvision.models import get_model_weights, googlenet
    from torchvision.transforms.functional import to_pil_image

    theirs = get_model_weights(card.torchvision)["IMAGENET1K_V1"].transforms()
    mine = card.preprocessing
    assert (mine.resize, mine.crop) == (theirs.resize_size[0], (theirs.crop_size[0],) * 2)
    assert mine.interpolation == theirs.interpolation.value
    image = to_pil_image(torch.randint(256, (3, 260, 301), dtype=torch.uint8))
    expected = theirs(image)
    if card.name == "googlenet_bn":  # torchvision's network converts its images
        expected = googlenet(transform_input=True, init_weights=False)._transform_input(expected[None])[0]
    torch.testing.assert_close(mine.transform()(image), expected)


@cards
def test_constants_of_batch_normalisation(card: Card) -> None:
    """Kills a card that is silent about them, and constants that the network does not have."""
    net = zoo.create_model(card.name, init=None) if card.depth < 200 else None
    layers = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)] if net else []
    assert bool(card.normalisation) == bool(layers) or net is None
    for layer in layers:
        text = " ".join(statement.text for statement in card.normalisation)
        (eps,) = {float(number) for number in re.findall(r"\b(1e-5|0\.001)\b", text)}
        assert layer.eps == eps
        assert layer.momentum == 0.1


# Neurons, lineage, citation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card", [card for card in CARDS if card.neurons], ids=lambda card: card.name)
def test_neurons(card: Card) -> None:
    """Kills a number of units that the analyzer does not find, and a note that does not explain the printed one."""
    rows = {row.name: row.cells["units"] for row in zoo.summary(card.name, columns=["units"], depth=1).rows}
    assert sum(rows.values()) == card.neurons
    (printed,) = [one for one in card.published if one.quantity == "neurons"]
    pixels = card.input[1] * card.input[2]
    explained = {
        "alexnet": sum(units for name, units in rows.items() if name.startswith("conv")),
        "lenet1": card.neurons + pixels + 1,
        "lenet1989": card.neurons + pixels,
    }[card.name]
    assert abs(explained - printed.value) < 100
    assert f"{explained if card.name == 'alexnet' else card.neurons:,}" in printed.note


@cards
def test_lineage(card: Card) -> None:
    """Kills a parent that is no entry, one that is younger, a circle, and children that do not know of it."""
    for parent in card.parents:
        assert zoo.card(parent).year <= card.year
        assert card.name in children(parent)
        assert not leads_to(card.name, parent)


def leads_to(name: str, other: str) -> bool:
    return any(child == other or leads_to(child, other) for child in children(name))


def test_lineage_of_landmarks() -> None:
    """Kills a family tree that is not the one of the papers."""
    assert leads_to("lenet1989", "lenet5")
    assert children("lenet1989") == ["lenet1"]
    assert {"zfnet", "caffenet", "alexnet_owt", "vgg11"} <= set(children("alexnet"))
    assert leads_to("zfnet", "vgg_cnn_m")
    assert not leads_to("alexnet", "lenet5")


@cards
def test_bibtex(card: Card, ask: Ask) -> None:
    """Kills an entry that BibTeX cannot read, lost authors, and a paper without an address."""
    text = ask("info", card.name, "--format", "bibtex")
    assert text == card.bibtex
    head, *lines = text.rstrip("\n").split("\n")
    assert re.fullmatch(r"@(article|inproceedings|misc)\{[a-zé]+\d{4}[a-z]+,", head)
    assert lines.pop() == "}"
    fields = dict(re.fullmatch(r"  (\w+) += \{(.*)\},?", line).groups() for line in lines)
    assert fields["author"].split(" and ") == card.authors.split(", ")
    assert fields["title"] == f"{{{card.paper.rpartition(' (')[0]}}}"
    assert {"doi", "eprint", "url"} & fields.keys()
    assert 1989 <= int(fields["year"]) <= 2017
    assert text.count("{") == text.count("}")
    assert all(line.endswith(",") for line in lines[:-1])
    assert not lines[-1].endswith(",")


def test_bibtex_keys() -> None:
    """Kills two papers under one key, and one paper under two."""
    keys = {(re.match(r"@\w+\{(.*),", card.bibtex) or [""])[1]: card.paper for card in CARDS}
    assert len(keys) == len({card.paper for card in CARDS})
    assert {"krizhevsky2012imagenet", "krizhevsky2014weird", "lecun1998gradient", "he2016deep"} <= keys.keys()


def test_bibtex_example() -> None:
    """Kills columns out of line, and a comma after the last field."""
    assert bibtex("Jane Doe, Ann Lee", "A Net", {"type": "misc", "year": "2020"}, {"doi": "10.1/2", "eprint": ""}) == (
        "@misc{doe2020net,\n  author = {Jane Doe and Ann Lee},\n  title  = {{A Net}},\n  year   = {2020},\n  doi    = {10.1/2}\n}\n"
    )


def test_bibtex_file(ask: Ask, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kills a suffix that is not understood, and an entry without a citation that ends in a traceback."""
    path = tmp_path_factory.mktemp("bib") / "net.bib"
    assert ask("info", "vgg16", "--output", str(path)) == ""
    assert path.read_text(encoding="utf-8") == zoo.card("vgg16").bibtex
    with pytest.raises(zoo.ZooError, match="vgg16: the card has no citation"):
        _ = Card(**{**vars(zoo.card("vgg16")), "citation": {}}).bibtex


# Statements that are computed here -------------------------------------------------------------------------------------


def test_start_of_cnn_m() -> None:
    """Kills a card that is wrong about what the printed variance does to the first scores."""
    torch.manual_seed(0)
    net = zoo.create_model("vgg_cnn_m").eval()
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        assert 3e4 < net(x).std() < 3e5
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight *= 0.1
        assert 3e-4 < net(x).std() < 3e-3
    assert "10^5" in str(zoo.card("vgg_cnn_m").notes[0])


def test_sizes_told_of_alexnet() -> None:
    """Kills a share of parameters, or a ratio of two networks, that is wrong on a card."""
    rows = {row.name: row.cells["params"] for row in zoo.summary("alexnet", columns=["params"]).rows}
    text = " ".join(statement.text for statement in zoo.card("alexnet").errata)
    for layer in ("conv3", "conv4"):
        assert f"{100 * rows[layer] / zoo.card('alexnet').params:.2f}%" in text
    ratio = zoo.card("alexnet_ungrouped").macs / zoo.card("alexnet").macs
    assert f"{ratio:.2f} times" in str(zoo.card("alexnet_ungrouped").deviations[0])
    fewer = zoo.card("alexnet").params / zoo.card("googlenet").params
    google = " ".join(statement.text for statement in zoo.card("googlenet").errata)
    assert f"{zoo.card('alexnet').params / 12 / 1e6:.1f} million" in google
    assert f"{fewer:.1f} times fewer" in google


def test_stride_told_of_resnet() -> None:
    """Kills a cost of the stride's place that is not the difference of both networks."""
    for depth in (50, 101, 152):
        more = zoo.card(f"resnet{depth}_v1_5").macs - zoo.card(f"resnet{depth}").macs
        assert f"{more / 1e6:.0f} million" in " ".join(s.text for s in zoo.card(f"resnet{depth}_v1_5").deviations)
