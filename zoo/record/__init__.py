"""What a model does, as data without torch: `Trace` and its ops (`trace.py`), the inputs, and a walk along its edges."""
