"""Security findings become issues with fixes: the scan of each repository, the fixes, and the end of a finding."""
