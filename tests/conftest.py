"""One thread for each of the two test processes: on two cores more only get in each other's way."""

import torch

torch.set_num_threads(1)
