"""Analysis of an issue: cause, suspects, severity, similar issues of the past, corroboration."""
