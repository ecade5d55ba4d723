"""The demo: a shop that really fails, its faults, its visitors, and simulators of the vendors."""
