"""The decision on an issue: pure rules and guards, their receipt, maintenance windows, and replays."""
