"""Transform networks: replace heads, extract feature maps, write source files and files for other programs."""
