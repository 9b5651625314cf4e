"""Drivers on one cluster get equal shares of it, and the last attempt at a file gets all of it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from workbench.jobs.turns import Turns

WORKERS = 3
DRIVERS = st.sampled_from(["a", "b", "c"])


class TurnsMachine(RuleBasedStateMachine):
    """Drivers come, go, begin and end in any order; beside `Turns`, what they have begun is counted plainly."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Turns()
        self.begun: dict[str, int] = {}
        self.alone: str | None = None
        self.waits: str | None = None

    @rule(driver=DRIVERS)
    def join(self, driver: str) -> None:
        if driver not in self.begun:
            self.turns.join(driver)
            self.begun[driver] = 0

    @rule(driver=DRIVERS)
    def leave(self, driver: str) -> None:
        if driver in self.begun:
            self.turns.leave(driver)
            del self.begun[driver]
            self.alone = None if self.alone == driver else self.alone
            self.waits = None if self.waits == driver else self.waits

    @rule(driver=DRIVERS)
    def begin(self, driver: str) -> None:
        if driver in self.begun:
            share = -(-2 * WORKERS // len(self.begun))
            may = self.begun[driver] < share and self.alone is None and self.waits is None
            assert self.turns.begin(driver, workers=WORKERS) == may
            self.begun[driver] += may

    @rule(driver=DRIVERS)
    def begin_alone(self, driver: str) -> None:
        if self.begun.get(driver) == 0:
            self.waits = self.waits or driver
            may = self.waits == driver and sum(self.begun.values()) == 0
            assert self.turns.begin_alone(driver) == may
            if may:
                self.alone, self.begun[driver] = driver, 1

    @rule(driver=DRIVERS)
    def end(self, driver: str) -> None:
        if self.begun.get(driver):
            self.turns.end(driver)
            self.begun[driver] -= 1
            if self.alone == driver:
                self.alone = self.waits = None

    @invariant()
    def who_is_alone_is_alone(self) -> None:
        assert self.alone is None or sum(self.begun.values()) == 1


TestTurns = TurnsMachine.TestCase
