"""Labels learned from a few examples: logistic regression on vectors of tracks, and which track to label next.

* The classifier is multinomial logistic regression with a quadratic penalty, classes weighted by how few examples they
  have. It needs few examples, its probabilities mean something, and it is learned in milliseconds.
* What it is worth is told by cross-validation. Tracks of one artist are never on both sides, where there are enough
  artists: otherwise one measures how well artists are recognised (A. Flexer, "A closer look on artist filters for
  musical genre classification", ISMIR 2007).
* The most useful track to label next is the one whose two most likely classes are nearest to each other (margin
  sampling; T. Scheffer, C. Decomain and S. Wrobel, "Active hidden Markov models for information extraction", IDA
  2001). Before there are two classes, it is the one farthest from all that are labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError

Floats = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.int64]

#: Inverse strength of the penalty: examples are fewer than components.
_C = 0.1
_MOST_ROUNDS = 2000
_MOST_FOLDS = 5


@dataclass(frozen=True, slots=True)
class ClassReport:
    """How well one class is recognised, each example by a classifier that was not shown it.

    Attributes
    ----------
    value : the class
    examples : how many there are
    precision : share of those taken for it that are; None where none was
    recall : share of those that are it which were recognised
    """

    value: str
    examples: int
    precision: float | None
    recall: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a classifier is worth, by cross-validation.

    Attributes
    ----------
    examples : how many
    accuracy : share of them that were recognised
    balanced_accuracy : mean recall of the classes
    chance : accuracy of always saying the commonest class
    folds : in how many parts examples were divided
    by_artist : whether tracks of one artist were kept together
    classes : by class, in order of their names
    confusion : rows are what examples are, columns what they were taken for, both in order of `classes`
    """

    examples: int
    accuracy: float
    balanced_accuracy: float
    chance: float
    folds: int
    by_artist: bool
    classes: list[ClassReport]
    confusion: list[list[int]]


@dataclass(frozen=True, slots=True)
class Classifier:
    """What was learned.

    Attributes
    ----------
    values : the classes, in order of their names
    model : a fitted scikit-learn classifier
    """

    values: list[str]
    model: Any

    def probabilities(self, vectors: Floats) -> npt.NDArray[np.float64]:
        """Give how likely each class is, shape (n, n_classes), rows of sum 1, for vectors of shape (n, d)."""
        return np.asarray(self.model.predict_proba(_complete(vectors)), dtype=np.float64)


def train(vectors: Floats, values: Sequence[str]) -> Classifier:
    """Learn classes from examples.

    Parameters
    ----------
    vectors : numpy.ndarray, shape (n, d)
        Standardised; NaN where not known.
    values : sequence of str
        Class of each, two different ones at least.

    Raises
    ------
    InputError
        When there are not two classes.

    Examples
    --------
    >>> classifier = train(np.array([[0.0], [0.1], [2.0], [2.1]]), ["dark", "dark", "bright", "bright"])
    >>> classifier.values, bool(classifier.probabilities(np.array([[3.0]]))[0, 0] > 0.5)
    (['bright', 'dark'], True)
    """
    if len(set(values)) < 2:
        said = f"All say {values[0]!r}." if len(values) else "There are none."
        raise InputError(f"Examples of two kinds at least are needed. {said}", "Label some that are something else.")
    model = _model().fit(_complete(vectors), list(values))
    return Classifier([str(value) for value in model.classes_], model)


def cross_validate(vectors: Floats, values: Sequence[str], artists: Sequence[str | None]) -> Report | None:
    """Tell how well classes are recognised that the classifier was not shown the track of.

    Parameters
    ----------
    vectors, values
        As in `train`.
    artists : sequence of str or None
        Artist of each example; None where not known.

    Returns
    -------
    Report or None
        None where a class has fewer than two examples, so that nothing can be said yet.
    """
    from sklearn.metrics import confusion_matrix

    names = sorted(set(values))
    fewest = min((list(values).count(name) for name in names), default=0)
    if len(names) < 2 or fewest < 2:
        return None
    said = np.array(values, dtype=object)
    folds, by_artist = _folds(said, fewest, artists)
    taken = np.empty(len(said), dtype=object)
    for learned, asked in folds:
        taken[asked] = _model().fit(_complete(vectors[learned]), said[learned]).predict(_complete(vectors[asked]))
    confusion = confusion_matrix(said.tolist(), taken.tolist(), labels=names)
    right, are, were = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    classes = [
        ClassReport(name, int(are[i]), float(right[i] / were[i]) if were[i] else None, float(right[i] / are[i]))
        for i, name in enumerate(names)
    ]
    return Report(
        examples=len(said),
        accuracy=float(right.sum() / are.sum()),
        balanced_accuracy=float(np.mean([one.recall for one in classes])),
        chance=float(are.max() / are.sum()),
        folds=len(folds),
        by_artist=by_artist,
        classes=classes,
        confusion=confusion.tolist(),
    )


def most_uncertain(probabilities: npt.NDArray[np.float64], n: int) -> Rows:
    """Give the rows whose two most likely classes are nearest to each other, nearest first.

    >>> most_uncertain(np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]]), 2).tolist()
    [1, 2]
    """
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(np.argsort(two[:, 1] - two[:, 0], kind="stable")[:n], dtype=np.int64)


def farthest(vectors: Floats, labelled: Floats, n: int) -> Rows:
    """Give rows of `vectors`, each the farthest from those before it and from all that are labelled.

    Without any that is labelled, the first is the one farthest from the middle of all (T. Gonzalez, "Clustering to
    minimize the maximum intercluster distance", 1985).

    >>> farthest(np.array([[0.0], [1.0], [5.0]]), np.array([[0.0]]), 2).tolist()
    [2, 1]
    """
    places = _complete(vectors)
    known = _complete(labelled) if len(labelled) else places.mean(axis=0, keepdims=True)
    distance = np.min([np.square(places - one).sum(axis=1) for one in known], axis=0)
    rows: list[int] = []
    for _ in range(min(n, len(places))):
        row = int(np.argmax(distance))
        rows.append(row)
        distance = np.minimum(distance, np.square(places - places[row]).sum(axis=1))
        distance[rows] = -1
    return np.array(rows, dtype=np.int64)


def _model() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=_C, class_weight="balanced", max_iter=_MOST_ROUNDS)


def _complete(vectors: Floats) -> npt.NDArray[np.float64]:
    """Put the middle, which is 0, where a component is not known."""
    return np.nan_to_num(np.asarray(vectors, dtype=np.float64))


def _folds(
    values: npt.NDArray[np.object_], fewest: int, artists: Sequence[str | None]
) -> tuple[list[tuple[Rows, Rows]], bool]:
    """Divide examples, each class alike; by artist if every part then has examples of two classes to learn from."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    rows, n = np.zeros(len(values)), min(_MOST_FOLDS, fewest)
    groups = [f"{i}" if artist is None else f"={artist}" for i, artist in enumerate(artists)]
    if len(set(groups)) >= n:
        folds = StratifiedGroupKFold(n, shuffle=True, random_state=0).split(rows, values.tolist(), groups)
        found = [(learned, asked) for learned, asked in folds if len(asked)]
        if all(len(set(values[learned])) == len(set(values)) for learned, _ in found):
            return found, True
    return list(StratifiedKFold(n, shuffle=True, random_state=0).split(rows, values.tolist())), False
