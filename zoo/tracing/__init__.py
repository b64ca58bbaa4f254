"""From a module to a `Trace`: `record.py` defines it (without torch), and `trace.py` records it."""
