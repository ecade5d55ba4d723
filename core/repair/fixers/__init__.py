"""The fixers, which propose candidates: the embedded repairer, a model, and the Cline CLI."""
