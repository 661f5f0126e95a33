"""The server: engine, embedded Postgres, migrations, transactions, outages, statistics."""
