"""Analysis of an issue: cause, suspects, severity, similar past issues, corroboration."""
