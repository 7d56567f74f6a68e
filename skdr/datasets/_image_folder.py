"""Any folder of images: one sub-folder a class."""

import os
from collections.abc import Sequence
from typing import Any

from sklearn.utils import Bunch

from skdr.datasets._tables import existing_folder, images_in, make_bunch


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load a folder that holds one sub-folder of images a class.

    Parameters
    ----------
    path : str or path
        The folder. Images may lie deeper inside the class folders; hidden
        files and files of other kinds are passed over.
    class_names : sequence of str, default=None
        The sub-folders to load, in this order. By default all, sorted.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the column ``"image"``, and
        labels as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (names of the folders, shape (n_samples,)),
        ``target_names``, ``groups`` (None: a folder says nothing of who is
        on the images; split such data with care) and ``DESCR``.

    Raises
    ------
    ValueError
        If there are no class folders, or one holds no images.

    Examples
    --------
    >>> from skdr.datasets import load_image_folder
    >>> load_image_folder("flowers").target_names  # doctest: +SKIP
    ['daisy', 'rose', 'tulip']
    """
    folder = existing_folder(path)
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    if class_names is not None:
        unknown = [name for name in class_names if name not in names]
        if unknown:
            raise ValueError(f"class_names={unknown} are no folders in {folder}; it has {names}.")
        names = list(dict.fromkeys(class_names))
    if not names:
        raise ValueError(f"{folder} holds no sub-folders; expected one a class.")
    files = {name: images_in(folder / name) for name in names}
    empty = [name for name in names if not files[name]]
    if empty:
        raise ValueError(f"The class folders {empty} in {folder} hold no images.")
    return make_bunch(
        {
            "image": [str(file) for name in names for file in files[name]],
            "target": [name for name in names for _ in files[name]],
        },
        target_names=names,
        description=f"Images in {folder}, one folder a class. Who is on them is not known.",
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
