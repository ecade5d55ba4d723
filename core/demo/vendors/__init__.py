"""Simulators of the vendors, each verified with the vendor's own client."""
