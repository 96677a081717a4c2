"""The hands of a drill: a step is carried out for several recoveries at a time, in threads of its worker."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from drp.engine.capacity import capacity


class Threads:
    """The Crew port, without memory of its own: after a crash the journal says where to go on."""

    def __init__(self, room: Callable[[], int] = capacity) -> None:
        """Take who says for how many recoveries at a time this machine has room; asked before each step."""
        self._room = room

    def together(self, step: Callable[[str], None], names: Sequence[str], *, at_most: int | None = None) -> None:
        """Carry the step out for the names in their order, as many at a time as there is room; one in this thread.

        Once one has raised, no other is begun.
        """
        if len(names) == 1:
            step(names[0])
            return
        waiting = deque(names)
        errors: list[BaseException] = []

        def work() -> None:
            while not errors:
                try:
                    name = waiting.popleft()
                except IndexError:
                    return
                try:
                    step(name)
                except BaseException as error:  # noqa: BLE001 - handed to the caller below
                    errors.append(error)

        width = min(len(names), at_most if at_most is not None else max(1, self._room()))
        threads = [threading.Thread(target=work, name="drp-recovery") for _ in range(width)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
