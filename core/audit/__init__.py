"""The audit trail: a chain of hashes, and its signed head, which is kept outside of the database."""
