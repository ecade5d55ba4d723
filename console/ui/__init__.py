"""The building blocks of all pages: safe HTML, widgets, diffs, charts, dialogs."""
