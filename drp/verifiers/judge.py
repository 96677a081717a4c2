"""Says what verifiers do not understand of their options, for whoever reads a site's files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drp.config.misfit import Misfit
from drp.config.validate import said_by
from drp.domain.application import Application
from drp.domain.reconciliation.declaration import RecordSource
from drp.errors import DrpError
from drp.verifiers import records
from drp.verifiers.loading import load
from drp.verifiers.options import option_problems


class InstalledOptions:
    """The OptionJudge on the installed verifiers: one that cannot be used breaks what names it, and nothing else."""

    def options(self, verifier: str, said: Mapping[str, object]) -> Iterable[Misfit]:
        """Return what a verifier does not understand of a check's options."""
        try:
            return option_problems(load([verifier])[verifier], said)
        except DrpError as error:
            return (Misfit(path=(), message=said_by(error)),)

    def records(self, source: RecordSource, application: Application) -> Iterable[Misfit]:
        """Return what a reader does not understand of a source's options, as its application's check completes them."""
        try:
            return records.option_problems(source, application)
        except DrpError as error:
            return (Misfit(path=(), message=said_by(error)),)
