"""Networks made into something else: other heads, feature maps, files of source, files for other programs."""
