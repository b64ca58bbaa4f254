"""What is computed from a trace: passes (one column each) and the engine that runs them. Nothing here imports torch."""
