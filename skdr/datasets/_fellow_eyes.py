"""The other eye of each patient."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d

from skdr.datasets._tables import raise_if_any

_MISSING = ("raise", "same")


def fellow_eyes(groups: ArrayLike, eye: ArrayLike, *, missing: str = "raise") -> NDArray[np.intp]:
    """Return, for each photograph, the position of one of the patient's other eye.

    The eyes of a patient are mostly alike and mostly both photographed, so a
    model that sees both grades each better. It need not know the other's grade.
    Where an eye has several photographs, its first goes with the other's first,
    and so on.

    Parameters
    ----------
    groups : array-like of shape (n_samples,)
        The patient of each photograph.
    eye : array-like of shape (n_samples,)
        The eye that it shows: any two names, such as ``"left"`` and ``"right"``.
    missing : {"raise", "same"}, default="raise"
        What to do for patients with photographs of one eye only: raise an
        error, or return the position of the photograph itself.

    Returns
    -------
    fellows : ndarray of shape (n_samples,) and dtype intp

    Raises
    ------
    ValueError
        If lengths differ, a patient has more than two eyes or, with
        ``missing="raise"``, only one; each such patient is named.

    Notes
    -----
    Split by patient; otherwise an eye whose grade was learned helps to grade
    its fellow.

    References
    ----------
    .. [1] B. Graham, "Kaggle Diabetic Retinopathy Detection competition
       report", University of Warwick, 2015: grades from features of both eyes.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.datasets import fellow_eyes
    >>> photographs = np.array(["7_left", "7_right", "9_right", "9_left"])
    >>> fellows = fellow_eyes(["7", "7", "9", "9"], ["left", "right", "right", "left"])
    >>> photographs[fellows].tolist()
    ['7_right', '7_left', '9_left', '9_right']
    """
    if missing not in _MISSING:
        raise ValueError(f"missing={missing!r} is not known; choose one of {list(_MISSING)}.")
    patients, eyes = column_or_1d(groups), column_or_1d(eye)
    check_consistent_length(patients, eyes)
    photographs: dict[object, dict[object, list[int]]] = {}
    for i, (patient, name) in enumerate(zip(patients.tolist(), eyes.tolist(), strict=True)):
        photographs.setdefault(patient, {}).setdefault(name, []).append(i)
    n_eyes = {patient: len(of_patient) for patient, of_patient in photographs.items()}
    raise_if_any((p for p, n in n_eyes.items() if n > 2), "patients with more than two eyes")
    if missing == "raise":
        raise_if_any(
            (p for p, n in n_eyes.items() if n == 1),
            'patients with one eye only (missing="same" takes it for its own fellow)',
        )
    fellows = np.arange(len(patients))
    for of_patient in photographs.values():
        for rows, others in zip(of_patient.values(), reversed(of_patient.values()), strict=True):
            fellows[rows] = np.resize(others, len(rows))
    return fellows
