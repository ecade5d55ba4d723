"""Security findings: their identity, their severity, and the smallest safe version of a package. Pure."""
