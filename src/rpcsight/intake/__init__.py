"""From what the user names to rows in an engine: each input's reader is found, its files are read, and account is kept of it."""
