"""The repairer: from a crash to a fix with its proof. engine.py tells the way; types.py has what it speaks in."""
