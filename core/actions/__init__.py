"""What people may do. An action asks the right, changes the store, and is audited, in one transaction."""
