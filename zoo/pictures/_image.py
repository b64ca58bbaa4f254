"""Images that pictures are drawn on: files, cut to the size of a network's input."""

from pathlib import Path
from typing import Any

from zoo.util.errors import ZooError, told


def read_image(path: str | Path, height: int, width: int) -> Any:
    """Return an image file as an array H×W×3 of bytes, scaled to cover `height`×`width` pixels and cut at its middle.

    Raises `ZooError` if the file cannot be read, or if Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ZooError(f"images require Pillow, which cannot be imported ({error}); pip install 'zoo[plot]'") from error
    import numpy

    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
            return numpy.asarray(ImageOps.fit(image, (width, height)))
    except FileNotFoundError as error:
        raise ZooError(f"{path}: no such file") from error
    except Exception as error:  # whatever a decoder raises for a damaged file
        raise ZooError(f"{path}: cannot read it as an image: {told(error)}") from error
