"""Networks that lectures name beside image classifiers: a text network, a multilayer perceptron, fully convolutional ones."""

import torch
from torch import nn

import zoo

TOKENS = zoo.Input((1, 21), "int64")


class TextNet(nn.Module):
    """A lecture's network on sentences of 21 words out of 10,000."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10_000, 128)
        self.conv1 = nn.Conv1d(128, 32, 5)
        self.pool = nn.MaxPool1d(3)
        self.conv2 = nn.Conv1d(32, 32, 3)
        self.top = nn.AdaptiveMaxPool1d(1)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = self.embedding(words).transpose(1, 2)
        return self.top(self.conv2(self.pool(torch.relu(self.conv1(x))))).flatten(1)


def test_text_network_in_tokens() -> None:
    """Kills the axis of tokens taken for channels; the numbers are the lecture's."""
    rows = {row.name: row.cells for row in zoo.summary(TextNet(), input=TOKENS, columns=["output", "params", "rf"]).rows}
    assert [rows[name]["params"] for name in ("embedding", "conv1")] == [1_280_000, 20_512]
    assert [rows[name]["output"] for name in ("conv1", "pool", "top")] == [[1, 32, 17], [1, 32, 5], [1, 32, 1]]
    fields = {name: (cells["rf"]["size"], cells["rf"]["stride"]) for name, cells in rows.items() if cells["rf"]}
    assert fields["embedding"] == ([1], [1])
    assert fields["conv1"] == ([5], [1])
    assert fields["pool"] == ([7], [3])
    assert fields["conv2"] == ([13], [3])


def test_tokens_by_experiment() -> None:
    """Kills windows of tokens that are one off: changing a token changes the units that are said to see it, and no others."""
    torch.manual_seed(0)
    net = TextNet().eval()
    found: dict[str, torch.Tensor] = {}
    for name in ("conv1", "pool", "conv2"):
        net.get_submodule(name).register_forward_hook(lambda *given, name=name: found.__setitem__(name, given[2]))
    words = torch.randint(0, 10_000, (1, 21))
    net(words)
    before = dict(found)
    for name in before:
        seen = {unit: set(range(21)) for unit in range(before[name].shape[2])}
        for token in range(21):
            other = words.clone()
            other[0, token] = (other[0, token] + 1) % 10_000
            net(other)
            for unit in seen:
                if torch.equal(found[name][..., unit], before[name][..., unit]):
                    seen[unit].discard(token)
        for unit in (0, len(seen) - 1):
            (axis,) = zoo.receptive_field(net, name, (unit,), input=TOKENS).axes
            window = set(range(axis.first, axis.last + 1))
            assert seen[unit] <= window
            assert name != "conv1" or seen[unit] == window  # a maximum need not be moved by each of its tokens


def test_pages_speak_of_tokens() -> None:
    """Kills a legend of pixels below a table of words."""
    assert "sees 51 tokens (or samples)" in zoo.summary("text_cnn").render("text")
    assert "sees 51 pixels" in zoo.summary("mlp_mnist").render("text")


def test_windows_of_sentences() -> None:
    """Kills windows other than the paper's 3, 4 and 5 words, 100 filters each."""
    rows = {row.name: row.cells for row in zoo.summary("text_cnn", columns=["params", "rf"]).rows}
    for words in (3, 4, 5):
        conv = rows[f"windows.window{words}.conv"]
        assert (conv["rf"]["size"], conv["params"]) == ([words], 100 * (300 * words + 1))


def test_perceptron() -> None:
    """Kills a perceptron other than 784-500-10, by the lecture's 397,510 parameters; a batch of 60 changes none."""
    assert zoo.summary("mlp_mnist", batch=60, columns=["params", "output"]).total == {"params": 397_510, "output": [60, 10]}


def test_output_grows_with_the_input() -> None:
    """Kills a network that is fixed to one size; a unit of fc7 sees the 212 pixels of VGG-16's pool5 and six steps of 32."""
    for side in (64, 97, 500):
        for name in zoo.list_models(family="fcn"):
            assert zoo.trace(name, input=(1, 3, side, side + 8)).outputs[0].shape == (1, 21, side, side + 8)
    rows = {row.name: row.cells for row in zoo.summary("fcn32s", columns=["rf"]).rows}
    assert rows["features.fc7"]["rf"]["size"] == [404, 404]
    assert rows["features.fc7"]["rf"]["stride"] == [32, 32]


def test_interpolation_is_bilinear() -> None:
    """Kills kernels that mix classes, or that do not keep a constant."""
    from zoo.archs.fcn import initialise, upsample

    layer = upsample(3, 4)
    initialise(nn.Sequential(layer))
    assert not layer.weight.requires_grad
    x = torch.zeros(1, 3, 6, 6)
    x[:, 1] = 5
    inner = layer(x)[:, :, 8:-8, 8:-8]
    assert torch.allclose(inner[:, 1], torch.tensor(5.0))
    assert not inner[:, [0, 2]].any()
