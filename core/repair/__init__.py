"""The repairer: from a crash to a proved fix. engine.py has the sequence of steps, types.py the shared types."""
