"""From what the YAML said about a canary to its settings. Everything was checked before; nothing here can fail."""

from __future__ import annotations

from pathlib import Path

from drp.config.build import secret
from drp.config.canaries import CanarySettings, CommandCanary, DatabaseCanary, FileCanary, OrthancCanary
from drp.config.schema_canaries import (
    CanaryFile,
    CommandCanaryFile,
    FileCanaryFile,
    MariaDbCanaryFile,
    OrthancCanaryFile,
    PostgresCanaryFile,
)


def canary(said: CanaryFile, site: Path) -> CanarySettings:
    """Return a canary's settings, file paths made absolute."""
    match said:
        case PostgresCanaryFile() | MariaDbCanaryFile():
            return DatabaseCanary(
                kind=said.kind,
                host=said.host,
                port=said.port,
                database=said.database,
                user=said.user,
                password=secret(said.password, site) if said.password is not None else None,
                ca_file=site / said.ca_file if said.ca_file is not None else None,
                keep=said.keep,
                timeout_seconds=said.timeout.total_seconds(),
            )
        case OrthancCanaryFile():
            return OrthancCanary(
                url=said.url,
                user=said.user,
                password=secret(said.password, site),
                ca_file=site / said.ca_file if said.ca_file is not None else None,
                study=said.study,
                metadata=said.metadata,
                timeout_seconds=said.timeout.total_seconds(),
            )
        case FileCanaryFile():
            return FileCanary(path=Path(said.path))
        case CommandCanaryFile():
            return CommandCanary(argv=tuple(said.argv), timeout_seconds=said.timeout.total_seconds())
