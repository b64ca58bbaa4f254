"""From a module to a `Trace`: `record.py` says what a trace is (torch-free), `trace.py` makes one."""
