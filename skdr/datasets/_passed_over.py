"""What a folder of images holds apart from the images that are loaded."""

from collections.abc import Iterable
from pathlib import Path

from skdr._warnings import warn
from skdr.datasets._files import ending, is_image, leads_nowhere, may_be_image

_MAX_KINDS = 10
_MAX_OPENED = 5  # so many files of each kind are opened, to see whether they are images


class PassedOver:
    """The files of a folder that are not loaded, by kind.

    Parameters
    ----------
    folder : Path
    beside : iterable of Path
        Files beside the class folders.
    inside : iterable of Path
        Files in the class folders that are no images for Pillow.
    """

    def __init__(self, folder: Path, beside: Iterable[Path], inside: Iterable[Path]):
        self._folder = folder
        kinds: dict[str, list[Path]] = {}
        for path in beside:
            kinds.setdefault("beside the class folders", []).append(path)
        for path in inside:
            kinds.setdefault(_kind(path), []).append(path)
        self._kinds = sorted(kinds.items(), key=lambda kind: -len(kind[1]))

    def __len__(self) -> int:
        return sum(len(paths) for _, paths in self._kinds)

    def __str__(self) -> str:
        told = [
            f"{kind}: {len(paths)} (such as {paths[0].relative_to(self._folder)})"
            for kind, paths in self._kinds[:_MAX_KINDS]
        ]
        n_others = sum(len(paths) for _, paths in self._kinds[_MAX_KINDS:])
        return ", ".join(told) + (f", of other kinds: {n_others}" if n_others else "")

    def tell(self, n_images: int) -> None:
        """Warn if some of the files may be images, or if they are many for so few images."""
        shown = [path for _, paths in self._kinds[:_MAX_KINDS] for path in paths[:_MAX_OPENED]]
        if any(is_image(path) or leads_nowhere(path) or may_be_image(path) for path in shown):
            warn(
                f"{self._folder}: passed over files that may be images: {self}. Convert them, "
                f"rename them or put them into the folder of a class; if they are no images, "
                f"leave them."
            )
        elif 2 * len(self) > n_images:
            warn(f"{self._folder}: passed over more files than usual: {self}.")


def _kind(path: Path) -> str:
    if leads_nowhere(path):
        return "links that lead nowhere"
    end = ending(path.name)
    return f"with the ending {end}" if end else "without an ending"
