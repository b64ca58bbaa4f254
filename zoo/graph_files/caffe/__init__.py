"""Caffe's network definitions: the text format, and one rule for each type of layer; `prototxt.py` reads files."""
