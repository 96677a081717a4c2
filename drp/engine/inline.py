"""The engine that needs nothing: steps run in this process, recoveries in threads of it, so many at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from drp.engine.capacity import capacity


class InlineEngine:
    """The Engine port without durability of its own: after a crash the journal says where to go on."""

    def __init__(self, room: Callable[[], int] = capacity) -> None:
        """Take who says how many actions this machine carries at the same time; asked before each wave."""
        self._room = room

    def step(self, name: str, action: Callable[[], None]) -> None:  # noqa: ARG002 - names matter to durable engines
        """Run the step here and now."""
        action()

    def together(self, actions: Sequence[Callable[[], None]], *, at_most: int | None = None) -> None:
        """Run the actions in their order, as many at a time as the machine carries; a single one in this thread.

        Once one has raised, no other is begun.
        """
        if len(actions) == 1:
            actions[0]()
            return
        waiting = deque(actions)
        errors: list[BaseException] = []

        def work() -> None:
            while not errors:
                try:
                    action = waiting.popleft()
                except IndexError:
                    return
                try:
                    action()
                except BaseException as error:  # noqa: BLE001 - handed to the caller below
                    errors.append(error)

        width = min(len(actions), at_most if at_most is not None else max(1, self._room()))
        threads = [threading.Thread(target=work, name="drp-recovery") for _ in range(width)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
