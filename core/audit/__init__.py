"""The audit trail: a hash chain, and its signed head, which is stored outside the database."""
