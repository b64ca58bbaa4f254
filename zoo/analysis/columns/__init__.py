"""One file for each column: a module with one `COLUMN`."""
