"""The sandbox for untrusted code, and its sealed reports."""
