"""The database: its only engine, transactions, migrations and bulk writes."""
