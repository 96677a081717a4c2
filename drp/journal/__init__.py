"""The append-only truth: every event of every drill, chained by hash, in SQLite or PostgreSQL by URL.

`chain.py` is the arithmetic (pure), `tables.py` the schema and its guards, `engines.py` how a database is opened,
`failures.py` the errors, `sql.py` the Journal port. Importing this package imports SQLModel, which is slow: the command
line does so only when it must.
"""

from drp.journal.sql import JournalHead, SqlJournal

__all__ = ["JournalHead", "SqlJournal"]
