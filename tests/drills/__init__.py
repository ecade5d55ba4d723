"""Long drills with random failures of the whole system, each with its own make target."""
