"""The watch of a released deployment: look by look, until it is confirmed, superseded or rolled back."""
