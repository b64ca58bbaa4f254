"""One file for each command: a function of its name (`list_` in list.py), with the help as docstring and options as arguments.

Such a file is imported at every start, so it imports what it works with inside the function.
"""
