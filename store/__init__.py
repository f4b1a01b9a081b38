"""Tables, transactions and migrations, on SQLite and PostgreSQL."""
