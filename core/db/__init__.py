"""The database: its one engine, its transactions and migrations, and many rows at once."""
