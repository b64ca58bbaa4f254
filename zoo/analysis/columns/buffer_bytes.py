"""Bytes of buffers, by type where a model mixes types: batch normalisation counts its batches in whole numbers."""

from zoo.extend import Bytes, Column

COLUMN = Bytes(Column("buffer_bytes", "bytes", "buffers, shared ones once; by type if mixed", order=17, on_request=True), "buffer")
