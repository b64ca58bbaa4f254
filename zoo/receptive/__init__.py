"""Receptive fields: which input pixels each unit of a tensor sees, and how each op changes that."""
