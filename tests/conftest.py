"""One thread for each of the two test processes: on two cores more only get in each other's way. And nobody's cache is touched."""

import os

import torch

torch.set_num_threads(1)
os.environ["ZOO_CACHE"] = os.path.join(os.devnull, "zoo")
