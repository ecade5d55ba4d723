"""The demo: a shop with real failures, its faults and visitors, and simulators of the vendors."""
