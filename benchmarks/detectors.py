"""torchvision's detectors, run once on real tensors with neutral weights, against the numbers that torchvision publishes.

    python benchmarks/detectors.py [NAME...]

Where shapes depend on values, so do the numbers: a thousand proposals are what torchvision's own figures assume, too.
"""

import sys
import time
import warnings

from torchvision import models

import zoo

SIDES = {"ssd300_vgg16": 300, "ssdlite320_mobilenet_v3_large": 320}


def main(names: list[str]) -> None:
    """One line for each detector: ours, theirs, seconds."""
    print(f"{'detector':36}{'GMACs':>12}{'published':>12}{'seconds':>9}")
    for name in names or models.list_models(module=models.detection):
        side, start = SIDES.get(name, 800), time.perf_counter()
        macs = zoo.summary(f"torchvision:{name}", input=(1, 3, side, side), columns=["macs"], depth=1, real=True).total["macs"]
        known = macs["at_least"] if isinstance(macs, dict) else macs
        published = models.get_model_weights(name).DEFAULT.meta["_ops"]
        print(f"{name:36}{known / 1e9:12.3f}{published:12.3f}{time.perf_counter() - start:9.1f}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
