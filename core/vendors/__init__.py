"""One file a vendor, and the one door for HTTP and for processes."""
