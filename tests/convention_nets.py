"""Small networks in which tools part ways: targets of `tests/test_conventions.py`. Inputs are N×4×8×8, or N×6×8 (sequences)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Spelled(nn.Module):
    """One computation in several spellings: by layer, by torch.nn.functional, by torch, as a method, as an operator, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.relu, self.relu6, self.gelu, self.silu = nn.ReLU(), nn.ReLU6(), nn.GELU(), nn.SiLU()
        self.softmax, self.prelu, self.elu, self.leaky = nn.Softmax(dim=1), nn.PReLU(), nn.ELU(), nn.LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(F.relu(self.relu(x)).relu())
        x = self.relu6(F.relu6(x)) + self.gelu(F.gelu(x)) * self.silu(F.silu(x))
        x = torch.add(x.mul(x), torch.mul(x, 2)).add(1)
        x = self.prelu(F.leaky_relu(self.leaky(self.elu(x))))
        x += x.matmul(x) @ torch.matmul(x, x)
        x = F.softmax(x, dim=1).softmax(dim=1) + torch.softmax(self.softmax(x), dim=1)
        x = F.relu(x, inplace=True)
        flat = x.flatten(0, 1)
        return torch.bmm(flat, flat) + torch.baddbmm(flat, flat, flat) + torch.tensordot(flat, x[0, 0], dims=1)


class Resized(nn.Module):
    """Transposed, grouped, dilated and padded convolutions, by layer and by function; pooling; interpolation; normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, output_padding=1)
        self.same = nn.Conv2d(6, 6, 3, padding="same", groups=3)
        self.around = nn.Conv2d(6, 8, 3, padding=2, dilation=2, padding_mode="circular", bias=False)
        self.norms = nn.Sequential(nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True), nn.InstanceNorm2d(8))
        self.plain = nn.BatchNorm2d(8, affine=False)
        self.pools = nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2), nn.AvgPool2d(2))
        self.bilinear = nn.Upsample(size=(7, 9), mode="bilinear")
        self.bicubic, self.nearest = nn.Upsample(size=6, mode="bicubic"), nn.UpsamplingNearest2d(size=5)
        self.adaptive = nn.AdaptiveAvgPool2d((3, 2))
        self.weight = nn.Parameter(torch.zeros(4, 8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.plain(self.norms(self.around(self.same(self.up(x)))))
        x = self.nearest(self.bicubic(self.bilinear(self.pools(x))))
        x = F.conv2d(self.adaptive(x), self.weight)
        x = F.interpolate(F.adaptive_max_pool2d(F.avg_pool2d(F.max_pool2d(x, 1), 1), 2), size=(5, 4), mode="bilinear")
        return F.linear(x.flatten(1), x.new_zeros(3, 80))


class Sequences(nn.Module):
    """Recurrent layers and cells, linear layers on sequences, attention, embeddings without a layer of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(10, 8, bias=False)
        self.rnn = nn.RNN(8, 8, num_layers=2)
        self.cells = nn.ModuleList([nn.LSTMCell(8, 8), nn.GRUCell(8, 8), nn.RNNCell(8, 8, bias=False)])
        self.linear, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.code = nn.Parameter(torch.zeros(6, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.lstm(x)[0]
        x = self.rnn(self.gru(x)[0])[0]
        x = self.norm(self.linear(x)) + self.code
        x = x + self.attention(x, x, x, need_weights=False)[0]
        y = self.attention(x, x, x)[0][:, 0]
        return self.cells[2](self.cells[1](self.cells[0](y)[0]))


class Lines(nn.Module):
    """One and three dimensions, and weights that are not a layer's own."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Sequential(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6), nn.AvgPool1d(2), nn.AdaptiveAvgPool1d(4), nn.MaxPool1d(2))
        self.cube = nn.Sequential(nn.Conv3d(1, 2, 3), nn.BatchNorm3d(2), nn.AdaptiveAvgPool3d(2), nn.Flatten())
        self.first, self.tied = nn.Linear(12, 12), nn.Linear(12, 12, bias=False)
        self.tied.weight = self.first.weight
        self.parametrized = nn.utils.parametrizations.weight_norm(nn.Linear(12, 3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.line(x.flatten(2)).flatten(1)
        z = self.cube(x[:, None])
        return self.parametrized(self.tied(self.first(y))).sum() + z.sum()
