"""Long drills, each a make target of its own: what a bad day does to the whole, at random."""
