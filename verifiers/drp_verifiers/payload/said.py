"""Why a program inside has no answer: a code and the data that belong to it. Its words are drp's, outside."""


class Said(Exception):
    """A code, and data: texts, whole numbers, or what another one said."""

    @property
    def told(self):
        """Return it as it is answered."""
        return list(self.args)


def told_of(error):
    """Return what an error says, of ours or not."""
    return error.told if isinstance(error, Said) else ["words", str(error)[:400]]
