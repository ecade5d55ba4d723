"""What any page is made of: safe HTML, widgets, diffs, charts, dialogs."""
