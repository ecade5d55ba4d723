"""Calls and inputs that lead to the reported crash, and the regression test made of them."""
