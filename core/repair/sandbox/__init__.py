"""Where code runs that nobody trusts, and how it reports."""
