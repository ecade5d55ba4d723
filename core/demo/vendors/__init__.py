"""Simulators of the vendors, each proved by the vendor's own client."""
