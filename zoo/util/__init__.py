"""Tools that know nothing of networks: atomic files, worker processes, garbage-collection pauses, finding plugins."""
