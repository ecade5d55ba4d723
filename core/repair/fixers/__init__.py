"""Who proposes: the embedded repairer, a model, the Cline CLI."""
