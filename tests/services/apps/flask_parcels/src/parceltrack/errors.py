class NotFound(LookupError):
    """What was asked for does not exist."""
