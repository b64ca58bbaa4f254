"""One file for each question that can be asked, named as the command that asks it."""
