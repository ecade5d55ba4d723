"""Parts of pages, by what they show."""
