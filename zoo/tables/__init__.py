"""Tables: the result of every question, the selection of rows, and the output formats."""
