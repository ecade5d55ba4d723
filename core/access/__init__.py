"""Access: people, accounts, sessions, API tokens, rights and passwords."""
