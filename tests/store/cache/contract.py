"""What every keeper of answers must do; each has a test class that inherits from this one."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.services import eventually
from workbench.store.cache import Cache, Made
from workbench.store.cache.results import Keeper, KeeperError

ROOM = 10_000
AGE_S = 100.0

#: A process that wants one value, which takes half a second to make, and says whether it made it.
_WANTS = """
import sys, time
from workbench.store.cache import Cache, Made
{imports}
cache = Cache({keeper}, {room})
sys.stdin.readline()
made = []
def make():
    made.append(1)
    time.sleep(0.5)
    return Made(b"v")
assert cache.get_or_compute(Cache.key("k"), make) == b"v"
print(len(made))
"""


class KeeperTests:
    """The contract, of what the fixtures of the module give.

    ``make`` is a function that opens the same keeper, again and again; it takes ``max_bytes`` and ``max_age_s``.
    ``source`` is the source code of an import, and of an expression, by which another process opens it.
    """

    def test_what_was_put_is_there_for_all(self, make: Callable[..., Keeper]) -> None:
        keeper, other = make(), make()
        assert keeper.get("a") is None
        assert keeper.size() == (0, 0)
        keeper.put("a", b"\0\xff first")
        keeper.put("b", b"")
        assert other.get("a") == b"\0\xff first"
        assert other.get("b") == b""
        other.put("a", b"second")
        assert keeper.get("a") == b"second"
        assert keeper.size() == other.size() == (2, 6)

    def test_room_is_bounded_and_what_came_first_goes_first(self, make: Callable[..., Keeper]) -> None:
        keeper = make(max_bytes=1000)
        for i in range(20):
            keeper.put(f"{i:02}", bytes(100))
        assert [keeper.get(f"{i:02}") is not None for i in range(20)] == [False] * 10 + [True] * 10
        assert keeper.size() == (10, 1000)
        keeper.put("10", bytes(150))  # again, and larger: it is now the last that came
        assert keeper.get("11") is None
        assert keeper.get("10") == bytes(150)
        assert keeper.size() == (9, 950)

    def test_what_is_too_old_is_gone(self, make: Callable[..., Keeper]) -> None:
        keeper = make(max_age_s=2.0)  # long enough for a machine that stands still for a while
        keeper.put("a", b"old")
        assert keeper.get("a") == b"old"
        eventually(lambda: keeper.get("a") is None)
        keeper.put("a", b"new")
        assert keeper.get("a") == b"new"

    def test_one_lease_at_a_time(self, make: Callable[..., Keeper]) -> None:
        keeper, other = make(), make()
        lease = keeper.take("a", 60)
        assert lease is not None
        assert other.take("a", 60) is None
        assert other.take("b", 60) is not None
        keeper.give_back("a", lease)
        another = other.take("a", 60)
        assert another is not None
        keeper.give_back("a", lease)  # of another: nothing happens
        assert keeper.take("a", 60) is None

    def test_a_lease_runs_out(self, make: Callable[..., Keeper]) -> None:
        keeper, other = make(), make()
        short = other.take("a", 0.05)
        assert short is not None
        eventually(lambda: keeper.take("a", 60) is not None)
        other.give_back("a", short)  # late: it is another's by now
        assert other.take("a", 60) is None

    def test_clear_forgets_all(self, make: Callable[..., Keeper]) -> None:
        keeper = make()
        keeper.clear()
        for name in "abc":
            keeper.put(name, b"x")
        keeper.clear()
        assert keeper.get("a") is None
        assert keeper.size() == (0, 0)

    def test_many_threads_at_once(self, make: Callable[..., Keeper]) -> None:
        keeper = make(max_bytes=3000)

        def work(i: int) -> None:
            for j in range(20):
                key = f"{(i * 7 + j) % 13}"
                with contextlib.suppress(KeeperError):  # it may be held for too long
                    keeper.put(key, key.encode() * 50)
                    assert keeper.get(key) in (None, key.encode() * 50)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        keeper.put("last", bytes(10))
        assert keeper.size()[1] <= 3000

    def test_of_many_threads_one_makes_it(self, make: Callable[..., Keeper]) -> None:
        cache = Cache(make(), ROOM)
        made, ready = [], threading.Barrier(8)

        def compute() -> Made:
            made.append(1)
            time.sleep(0.2)
            return Made(b"value")

        def want(_: int) -> bytes:
            ready.wait()
            return cache.get_or_compute(Cache.key("k"), compute)

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(want, range(8))) == {b"value"}
        assert len(made) == 1
        stats = cache.stats()
        assert stats["misses"] == 1
        assert stats["hits"] + stats["shared"] == 7

    def test_of_many_processes_one_makes_it(self, make: Callable[..., Keeper], source: tuple[str, str]) -> None:
        make().clear()
        code = _WANTS.format(imports=source[0], keeper=source[1], room=ROOM)
        started = [
            subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        said = []
        for process in started:  # all wait at the same line
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in started:
            said.append(process.communicate(timeout=120)[0].strip())
            assert process.returncode == 0
        assert sorted(said) == ["0", "0", "1"]

    def test_a_value_of_another_key_or_a_changed_one_is_none(self, make: Callable[..., Keeper]) -> None:
        keeper = make()
        cache = Cache(keeper, ROOM)
        a, b = Cache.key("a"), Cache.key("b")
        cache.put(a, b"answer")
        kept = keeper.get(a)
        assert kept is not None
        assert cache.get(a) == b"answer"
        for wrong in (b"", b"x", kept[:-1], kept + b"!", kept[:-1] + b"R", bytes(len(kept))):
            keeper.put(a, wrong)
            assert cache.get(a) is None
            assert cache.get_or_compute(a, lambda: Made(b"answer")) == b"answer"
            assert cache.get(a) == b"answer"
        keeper.put(b, kept)
        assert cache.get(b) is None
        assert cache.stats()["damaged"] == 3 * 6 + 1
