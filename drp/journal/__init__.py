"""The append-only truth: every event of every drill, chained by hash, in SQLite or PostgreSQL by URL.

`chain.py` is the arithmetic (pure), `tables.py` the schema and its guards, `engines.py` and `database.py` how a
database is opened and used, `opening.py` what is looked at then, `failures.py` the errors, `verification.py` the walk
along the chain, `sql.py` the Journal port; `register.py` and `register_tables.py` the register of the schedule, a chain
of its own in the same database. Beside the chain, to be dropped at any time: `progress.py` signs of life,
`marks.py` how far something was done, `summaries.py` drills in short, `history.py` and `queries.py` which drills to
read. Importing this package imports SQLModel, which is slow: the command line does so only when it must.
"""

from drp.journal.sql import JournalHead, SqlJournal

__all__ = ["JournalHead", "SqlJournal"]
