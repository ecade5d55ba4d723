"""Reproduces a reported crash: finds calls and inputs that raise it, and writes the regression test."""
