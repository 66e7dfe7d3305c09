"""Everything between a query and PostgreSQL: connections, transactions, loaders, notifications, migrations, paging."""
