"""Who there is and what they may do: people, accounts, sessions, API tokens, rights, passwords."""
