"""One file for each command: a function of that name (`list_` in list.py), with the help as docstring and options as arguments.

Each file is imported at every start, so it imports other modules inside the function.
"""
