"""Parts of pages, one module per subject."""
