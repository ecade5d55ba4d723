"""Repairs of security findings in code: edits that are certain, tests of the unsafe input, and their proof."""
