"""Actions of people. An action checks the right, changes the database and is audited, in one transaction."""
