"""Receptive fields: what each unit of a tensor sees of the network's input, and how an op passes it on."""
