"""From a module to a `Trace` (`zoo/record/trace.py`): `trace.py` records it."""
