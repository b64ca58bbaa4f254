"""One file for each family of ops: a module with `RULES`, a record for each kind of op."""
