"""The proven optimum of a small problem, to measure the search of `workbench.playlist.order` by.

The CP-SAT solver of Google's OR-Tools (extra ``exact``) finds and proves it, in one of two forms:

* Where positions do not matter (no curve), a playlist is a circuit through some of the candidates and one node
  that stands for its start and end.
* Else positions are the layers of a network, candidates its nodes; a sequence is a path through it that visits
  no candidate twice (J.-C. Picard, M. Queyranne, "The time-dependent traveling salesman problem", 1978). Prices
  for visiting a candidate turn "none twice" into a shortest path, found layer by layer; raising the prices of
  those visited twice gives ever better lower bounds (M. Held, R. Karp, "The traveling-salesman problem and
  minimum spanning trees", 1971). An arc whose best path costs more than a known solution is in no better one,
  and goes before the solver sees it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.playlist.order import FloatArray, IntArray, Problem, Spacing, solve

#: Costs are whole numbers to the solver: millionths.
SCALE = 1_000_000
_STEPS = 400


@dataclass(frozen=True, slots=True)
class Proven:
    """The answer of an exact search.

    Attributes
    ----------
    sequence : candidates in order, int64, shape (n,)
    cost : what it costs
    bound : what every sequence costs at least
    optimal : True where no sequence is better by more than rounding
    """

    sequence: IntArray
    cost: float
    bound: float
    optimal: bool


def solve_exactly(problem: Problem, *, time_limit_s: float = 60.0) -> Proven:
    """Find the best sequence there is, and the proof that there is no better one.

    Parameters
    ----------
    problem : Problem
        Of some dozens of candidates; the time rises steeply with them.
    time_limit_s : float
        When to give up, seconds; then the best that was found is not ``optimal``.

    Raises
    ------
    InputError
        Without OR-Tools.
    """
    known = solve(problem)
    cost = problem.cost(known)
    if problem.n < 2:
        return _single(problem, known)
    if _positions_matter(problem):
        place, step = _layers(problem)
        kept, bound = _worth_keeping(place, step, cost + 2 / SCALE)
        found = _solved(_network(problem, place, step, kept, known), time_limit_s)
    else:
        bound = 0.0
        found = _solved(_circuit(problem, known), time_limit_s)
    if found is None or problem.cost(found[0]) > cost:
        optimal = found is not None and found[1]  # it is the same but for rounding
        return Proven(known, cost, cost if optimal else bound, optimal)
    sequence, optimal, proven = found
    cost = problem.cost(sequence)
    return Proven(sequence, cost, cost if optimal else max(bound, proven), optimal)


def _single(problem: Problem, known: IntArray) -> Proven:
    if problem.n and not problem.fixed and not problem.required:
        known = np.array([min(range(problem.size), key=lambda i: problem.cost(np.array([i])))])
    cost = problem.cost(known)
    return Proven(known, cost, cost, True)


def _positions_matter(problem: Problem) -> bool:
    alike = bool((problem.place == problem.place[0]).all())
    return not alike or problem.reach > 2 or not set(problem.fixed) <= {0, problem.n - 1}


def _layers(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Cost of nodes (n, N) and of arcs (N, N), infinite where none may go."""
    place = problem.place.copy()
    for position, track in problem.fixed.items():
        place[:, track] = np.inf  # nowhere else
        others = np.arange(problem.size) != track
        place[position, others] = np.inf
        place[position, track] = problem.place[position, track]
    step = problem.pair.astype(np.float64)
    np.fill_diagonal(step, np.inf)
    return place, step


def _worth_keeping(place: FloatArray, step: FloatArray, limit: float) -> tuple[npt.NDArray[np.bool_], float]:
    """Tell which arcs can be part of a sequence cheaper than `limit`, bool (n - 1, N, N), and give a lower bound."""
    n, size = place.shape
    price = np.zeros(size)
    kept = np.ones((n - 1, size, size), dtype=bool)
    best, rate = -np.inf, 1.0
    for count in range(_STEPS):
        reached, to_go, choice = _shortest(place + price, step)
        bound = float(reached[-1].min() - price.sum())
        if bound > best:
            best, since = bound, count
            through = reached[:-1, :, None] + step + to_go[1:, None, :] - price.sum()
            kept &= through <= limit
        elif count - since > 10:
            rate, since = rate / 2, count
        visits = np.bincount(_trace(reached, choice), minlength=size) - 1
        direction = np.where((price == 0) & (visits < 0), 0, visits)
        norm = float((direction**2).sum())
        if norm == 0 or limit - bound < 1e-9:
            break
        price = np.maximum(price + rate * (limit - bound) / norm * direction, 0)
    return kept, best


def _shortest(place: FloatArray, step: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Give the cost up to each node, itself counted; from each node on, itself counted; and where it came from."""
    n, size = place.shape
    reached, to_go = place.copy(), place.copy()
    choice = np.zeros((n, size), dtype=np.int64)
    for p in range(1, n):
        ahead = reached[p - 1][:, None] + step
        choice[p] = ahead.argmin(axis=0)
        reached[p] += ahead.min(axis=0)
    for p in range(n - 2, -1, -1):
        to_go[p] += (step + to_go[p + 1]).min(axis=1)
    return reached, to_go, choice


def _trace(reached: FloatArray, choice: IntArray) -> IntArray:
    path = [int(reached[-1].argmin())]
    for p in range(len(reached) - 1, 0, -1):
        path.append(int(choice[p, path[-1]]))
    return np.array(path[::-1])


@dataclass(frozen=True, slots=True)
class _Model:
    """What the solver gets: a model, the literal of each candidate in each position, and of each arc."""

    model: Any
    there: dict[tuple[int, int], Any]
    arcs: dict[tuple[int, int], Any]


def _cp_model() -> Any:
    try:
        from ortools.sat.python import cp_model
    except ImportError as error:
        raise InputError(
            "OR-Tools is not installed.", "Install the extra: pip install 'audio-workbench[exact]'."
        ) from error
    return cp_model


def _circuit(problem: Problem, known: IntArray) -> _Model:
    """Model a circuit through n candidates and the node `size`, which stands for the start and the end."""
    model = _cp_model().CpModel()
    size, fixed = problem.size, problem.fixed
    pair = problem.pair.astype(np.float64)
    for spacing in problem.spacings:
        pair += spacing.of(1) * (spacing.groups[:, None] == spacing.groups)
    used = set(zip(known[:-1].tolist(), known[1:].tolist(), strict=True)) | {(size, known[0]), (known[-1], size)}
    arcs = {}
    for a, b in itertools.permutations(range(size + 1), 2):
        arcs[a, b] = model.new_bool_var("")
        model.add_hint(arcs[a, b], (a, b) in used)
    there = {(0, i): model.new_bool_var("") for i in range(size)}
    for (_, i), node in there.items():
        model.add_hint(node, i in known)
    loops = [(i, i, ~node) for (_, i), node in there.items()]
    model.add_circuit([*((a, b, arc) for (a, b), arc in arcs.items()), *loops])
    model.add(sum(there.values()) == problem.n)
    for i in problem.required | set(fixed.values()):
        model.add(there[0, i] == 1)
    for position, track in fixed.items():
        model.add(arcs[(size, track) if position == 0 else (track, size)] == 1)
    cost = [round(SCALE * pair[a, b]) * arc for (a, b), arc in arcs.items() if size not in (a, b)]
    for spacing in (spacing for spacing in problem.spacings if spacing.gap == 2):
        cost += _clashes_beside_one(model, spacing, arcs)
    cost += [round(SCALE * problem.place[0, i]) * node for (_, i), node in there.items()]
    model.minimize(sum(cost + _missed(model, problem, there)))
    return _Model(model, there, arcs)


def _network(
    problem: Problem, place: FloatArray, step: FloatArray, kept: npt.NDArray[np.bool_], known: IntArray
) -> _Model:
    """Model a path through the layers, along the arcs that are kept."""
    model = _cp_model().CpModel()
    n, size = place.shape
    leaving: dict[tuple[int, int], list[Any]] = {}
    entering: dict[tuple[int, int], list[Any]] = {}
    cost = []
    for p, a, b in np.argwhere(kept).tolist():
        arc = model.new_bool_var("")
        leaving.setdefault((p, a), []).append(arc)
        entering.setdefault((p + 1, b), []).append(arc)
        cost.append(round(SCALE * (step[a, b] + place[p, a] + (place[p + 1, b] if p + 2 == n else 0))) * arc)
        model.add_hint(arc, int(known[p] == a and known[p + 1] == b))
    there = {}
    for p, i in sorted(leaving.keys() | entering.keys()):
        node = there[p, i] = model.new_bool_var("")
        model.add_hint(node, int(known[p] == i))
        if p + 1 < n:
            model.add(sum(leaving.get((p, i), [])) == node)
        if p > 0:
            model.add(sum(entering.get((p, i), [])) == node)
    for p in range(n):
        model.add_exactly_one(there[p, i] for i in range(size) if (p, i) in there)
    for i in range(size):
        visits = [there[p, i] for p in range(n) if (p, i) in there]
        if i in problem.required:
            model.add_exactly_one(visits)
        elif visits:
            model.add_at_most_one(visits)
    model.minimize(sum(cost + _clashes(model, problem, there) + _missed(model, problem, there)))
    return _Model(model, there, {})


def _solved(posed: _Model, time_limit_s: float) -> tuple[IntArray, bool, float] | None:
    """Solve a model: (sequence, whether it is optimal, lower bound); None if nothing was found in time."""
    cp_model = _cp_model()
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = time_limit_s
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    state = solver.solve(posed.model)
    if state not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    if posed.arcs:
        following = dict(arc for arc, literal in posed.arcs.items() if solver.boolean_value(literal))
        first = max(following)  # the node beyond all candidates
        sequence = [following[first]]
        while following[sequence[-1]] != first:
            sequence.append(following[sequence[-1]])
    else:
        sequence = [i for _, i in sorted(key for key, node in posed.there.items() if solver.boolean_value(node))]
    return np.array(sequence), state == cp_model.OPTIMAL, solver.best_objective_bound / SCALE


def _clashes_beside_one(model: Any, spacing: Spacing, arcs: dict[tuple[int, int], Any]) -> list[Any]:
    """Give the cost of each two candidates of one group that may have just one other between them."""
    cost = []
    for a, c in itertools.permutations(range(len(spacing.groups)), 2):
        if spacing.groups[a] == spacing.groups[c]:
            clash = model.new_bool_var("")
            for b in range(len(spacing.groups)):
                if b not in (a, c):
                    model.add_bool_or(~arcs[a, b], ~arcs[b, c], clash)
            cost.append(round(SCALE * spacing.of(2)) * clash)
    return cost


def _clashes(model: Any, problem: Problem, there: dict[tuple[int, int], Any]) -> list[Any]:
    """Give the cost of each pair of positions that may hold tracks of one group too near each other."""
    cost = []
    for spacing in problem.spacings:
        members: dict[tuple[int, int], list[Any]] = {}
        for (p, i), node in there.items():
            members.setdefault((p, int(spacing.groups[i])), []).append(node)
        for (p, group), here in members.items():
            for q in range(p + 1, p + spacing.gap + 1):
                if (q, group) in members:
                    clash = model.new_bool_var("")
                    model.add(sum(here) + sum(members[q, group]) <= 1 + clash)
                    cost.append(round(SCALE * spacing.of(q - p)) * clash)
    return cost


def _missed(model: Any, problem: Problem, there: dict[tuple[int, int], Any]) -> list[Any]:
    """Give the cost of the total duration, in milliseconds beyond what is tolerated."""
    if problem.durations is None or problem.wanted_s is None:
        return []
    total = sum(round(1000 * problem.durations[i]) * node for (_, i), node in there.items())
    most = round(1000 * float(problem.durations.max()) * problem.n + 1000 * problem.wanted_s)
    beyond = model.new_int_var(0, most, "")
    wanted, tolerated = round(1000 * problem.wanted_s), round(1000 * problem.tolerance_s)
    model.add(beyond >= total - wanted - tolerated)
    model.add(beyond >= wanted - tolerated - total)
    # a minute costs `MINUTE_WEIGHT`
    return [round(SCALE * float(problem.miss(problem.wanted_s + problem.tolerance_s + 60)) / 60_000) * beyond]
