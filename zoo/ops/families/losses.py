"""Losses: they multiply no weights; what else they compute depends on the algorithm or on the values."""

from zoo.ops.rule import OpRule

RULES = (
    OpRule("nll_loss_forward nll_loss2d_forward nll_loss_nd", macs=0),
    OpRule("mse_loss l1_loss smooth_l1_loss huber_loss soft_margin_loss", macs=0),
    OpRule("binary_cross_entropy binary_cross_entropy_with_logits", macs=0),
    OpRule("multi_margin_loss multilabel_margin_loss_forward _ctc_loss", macs=0),
)
