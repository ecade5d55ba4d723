"""One file for each vendor, and the single entry points for HTTP and for processes."""
