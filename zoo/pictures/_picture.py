"""What a picture is, under the name that files of this folder import it by."""

from zoo.extend.picture import PICTURES, Encode, Kind, Of, Picture, pictures

__all__ = ["PICTURES", "Encode", "Kind", "Of", "Picture", "pictures"]
