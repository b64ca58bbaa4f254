"""Tools that do not depend on networks: atomic files, worker processes, pausing garbage collection, finding plugins."""
