"""The warmer answers what is common once for each state, only when idle, within its time, and stops when told."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.services import eventually
from workbench.errors import InputError
from workbench.store.cache import warmer as module
from workbench.store.cache.warmer import Warmer


class Place:
    """A library and its queries, as a warmer sees them."""

    def __init__(self, n: int = 5, most_s: float = 60.0) -> None:
        self.state, self.is_idle = "one", True
        self.queries = [{"n": i} for i in range(n)]
        self.answered: list[int] = []
        self.meanwhile: Any = lambda i: None
        self.warmer = Warmer(
            lambda: self.state, lambda: self.queries, self.answer, idle=lambda: self.is_idle, most_s=most_s
        )

    def answer(self, query: dict[str, Any]) -> None:
        self.meanwhile(query["n"])
        self.answered.append(query["n"])


def test_a_round_answers_all_in_order() -> None:
    place = Place()
    status = place.warmer.warm()
    assert place.answered == [0, 1, 2, 3, 4]
    assert (status["of"], status["answered"], status["failed"], status["ended"]) == (5, 5, 0, "done")
    assert status["state"] == "waiting"


@pytest.mark.parametrize(
    ("ended", "do"),
    [
        ("busy", lambda place: setattr(place, "is_idle", False)),
        ("changed", lambda place: setattr(place, "state", "two")),
        ("cancelled", lambda place: place.warmer.cancel()),
        ("time", lambda place: time.sleep(0.06)),
    ],
)
def test_a_round_ends_early(ended: str, do: Any) -> None:
    place = Place(most_s=0.05 if ended == "time" else 60)
    place.meanwhile = lambda i: do(place) if i == 1 else None
    assert place.warmer.warm()["ended"] == ended
    assert place.answered == [0, 1]


def test_a_query_that_has_no_answer_any_more_is_counted() -> None:
    place = Place()

    def fail(i: int) -> None:
        if i == 2:
            raise InputError("There is no such track.", "")

    place.meanwhile = fail
    status = place.warmer.warm()
    assert (status["answered"], status["failed"], status["ended"]) == (4, 1, "done")


def test_in_a_thread_it_warms_once_for_each_state_and_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    place = Place(n=2)
    place.is_idle = False
    place.warmer.start()
    place.warmer.start()
    time.sleep(0.1)
    assert place.answered == []
    place.is_idle = True
    eventually(lambda: place.answered == [0, 1])
    time.sleep(0.1)
    assert place.answered == [0, 1]
    place.state = "two"
    eventually(lambda: place.answered == [0, 1, 0, 1])
    place.warmer.close()
    place.state = "three"
    time.sleep(0.05)
    assert place.answered == [0, 1, 0, 1]


def test_close_ends_a_round_that_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    place = Place(n=1000)
    begun = threading.Event()

    def slowly(i: int) -> None:
        begun.set()
        time.sleep(0.01)

    place.meanwhile = slowly
    place.warmer.start()
    assert begun.wait(10)
    assert place.warmer.status()["state"] == "warming"
    place.warmer.close()
    assert place.warmer.status()["ended"] == "closed"
    assert len(place.answered) < 1000
