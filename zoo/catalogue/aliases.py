"""Names of layers in other frameworks, by family of networks of the catalogue: (pattern, replacement) pairs as a card has them.

Sources: keras/src/applications/vgg16.py, vgg19.py and resnet.py of keras-team/keras; research/slim/nets/vgg.py and inception_v1.py
of tensorflow/models, with the tests beside them; models/bvlc_googlenet of BVLC/caffe; torchvision.models.
"""

from collections.abc import Mapping

Aliases = tuple[tuple[str, str], ...]

_VGG: Aliases = (
    (r"block(\d)_conv(\d)", r"features.conv\1_\2"),  # Keras
    (r"block(\d)_pool", r"features.pool\1"),
    ("fc1", "classifier.fc6"),
    ("fc2", "classifier.fc7"),
    ("predictions", "classifier.fc8"),
    (r"(?:vgg_(?:a|16|19)/)?(?:conv\d/)?(conv\d_\d|relu\d_\d|pool\d)", r"features.\1"),  # TF-slim, Caffe
    (r"(?:vgg_(?:a|16|19)/)?(fc[678]|relu[67]|drop[67])", r"classifier.\1"),
    (r"(features|classifier)\.(\d+)", r"\1[\2]"),  # torchvision
)

_GOOGLENET: Aliases = (
    (r"(?:InceptionV1/)?Conv2d_1a_7x7|conv1/7x7_s2", "conv1"),  # TF-slim's InceptionV1, Caffe
    (r"(?:InceptionV1/)?Conv2d_2b_1x1|conv2/3x3_reduce", "conv2_reduce"),
    (r"(?:InceptionV1/)?Conv2d_2c_3x3|conv2/3x3", "conv2"),
    ("(?:InceptionV1/)?MaxPool_2a_3x3", "pool1"),
    ("(?:InceptionV1/)?MaxPool_3a_3x3", "pool2"),
    ("(?:InceptionV1/)?MaxPool_4a_3x3", "pool3"),
    ("(?:InceptionV1/)?MaxPool_5a_2x2", "pool4"),
    (r"(?:max)?pool([1-4])(?:/3x3_s2)?", r"pool\1"),
    (r"(?:InceptionV1/)?Mixed_([345])b", r"inception_\1a"),
    (r"(?:InceptionV1/)?Mixed_([345])c", r"inception_\1b"),
    ("(?:InceptionV1/)?Mixed_4d", "inception_4c"),
    ("(?:InceptionV1/)?Mixed_4e", "inception_4d"),
    ("(?:InceptionV1/)?Mixed_4f", "inception_4e"),
    (r"inception_(\d[a-e])/([135]x[135])", r"inception_\1.conv\2"),
    (r"inception_(\d[a-e])/([35]x[35])_reduce", r"inception_\1.reduce\2"),
    (r"inception_(\d[a-e])/pool_proj", r"inception_\1.pool_proj"),
    (r"inception_(\d[a-e])/output", r"inception_\1"),
    ("pool5/7x7_s1", "avgpool"),
    ("loss3/classifier|fc", "linear"),
)

_RESNET: Aliases = (
    ("maxpool|pool1_pool", "pool1"),  # torchvision, Keras
    ("relu|conv1_relu", "relu1"),
    (r"layer1(\..*)?", r"conv2_x\1"),
    (r"layer2(\..*)?", r"conv3_x\1"),
    (r"layer3(\..*)?", r"conv4_x\1"),
    (r"layer4(\..*)?", r"conv5_x\1"),
    (r"conv([2-5])_block(\d+)_out", r"conv\1_x[\2-1]"),
    (r"conv([2-5])_block(\d+)_([123])_conv", r"conv\1_x[\2-1].conv\3"),
    (r"conv([2-5])_block(\d+)_([123])_bn", r"conv\1_x[\2-1].bn\3"),
    (r"conv([2-5])_block(\d+)_([12])_relu", r"conv\1_x[\2-1].relu\3"),
    (r"conv([2-5])_block(\d+)_0_(conv|bn)", r"conv\1_x[\2-1].shortcut.\3"),
    (r"conv([2-5])_block(\d+)_add", r"conv\1_x[\2-1].add"),
    ("avg_pool", "avgpool"),
    ("predictions|probs", "fc"),
    ("conv1_conv", "conv1"),
    ("conv1_bn", "bn1"),
)

BY_FAMILY: Mapping[str, Aliases] = {
    "googlenet": _GOOGLENET,
    "googlenet_bn": _GOOGLENET,
    "resnet": _RESNET,
    "resnet_torchvision": _RESNET,
    "vgg": _VGG,
    "vgg_bn": _VGG,
}
"""The families whose layers other frameworks name alike. A card can have `aliases` of its own, which count first."""
