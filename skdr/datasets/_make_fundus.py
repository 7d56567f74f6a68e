"""Synthetic fundus photographs, graded 0-4 by the lesions drawn into them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from sklearn.utils import Bunch, check_random_state

from skdr._grades import GRADE_NAMES

_DESCR = """\
Synthetic fundus photographs
----------------------------
Generated images, not photographs of real eyes. Each shows a retina with optic
disc, macula and branching vessels under one of several cameras, with the
lesions that the International Clinical Diabetic Retinopathy scale requires for
its grade. They stand in for real data in examples and tests; nothing about
retinopathy can be learned from scores on them.
"""
# Shares of the grades 0-4, as skewed as a screening population's.
_GRADE_SHARES = (0.40, 0.15, 0.25, 0.10, 0.10)
_SUPERSAMPLING = 2
_Point = tuple[float, float]


def make_fundus_images(
    n_samples: int = 200,
    *,
    image_size: int = 128,
    grade_shares: tuple[float, float, float, float, float] = _GRADE_SHARES,
    return_X_y: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch | tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Generate synthetic fundus photographs of diabetic retinopathy.

    Each patient has two eyes: of equal grade in at least two of three patients,
    one grade apart in the others. Grades follow the ICDR scale [1]_: 0 no lesions; 1
    microaneurysms only; 2 haemorrhages, hard exudates and cotton-wool spots
    too; 3 haemorrhages in all four quadrants and beaded veins; 4 new vessels
    or bleeding before the retina.

    Parameters
    ----------
    n_samples : int, default=200
        Number of images.
    image_size : int, default=128
        Height and width in pixels.
    grade_shares : tuple of 5 floats, default=(0.4, 0.15, 0.25, 0.1, 0.1)
        Shares of the grades 0 to 4.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` instead of a Bunch.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    data : Bunch
        With ``images`` (ndarray of shape (n_samples, image_size, image_size,
        3), uint8), ``target`` (grades, shape (n_samples,)), ``groups``
        (patients, ``"synthetic0000"``, ...), ``eye`` (``"left"`` or
        ``"right"``), ``target_names`` and ``DESCR``.

    References
    ----------
    .. [1] C. P. Wilkinson et al., "Proposed international clinical diabetic
       retinopathy and diabetic macular edema disease severity scales",
       Ophthalmology 110(9), 2003.

    Examples
    --------
    >>> from skdr.datasets import make_fundus_images
    >>> data = make_fundus_images(4, image_size=32, random_state=0)
    >>> data.images.shape, data.groups[:3].tolist()
    ((4, 32, 32, 3), ['synthetic0000', 'synthetic0000', 'synthetic0001'])
    """
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    grades = _grades_of_eyes(n_samples, np.asarray(grade_shares, dtype=float), rng)
    patients = np.arange(n_samples) // 2
    sides = np.array(["left", "right"])[np.arange(n_samples) % 2]
    pigments = rng.uniform(0, 1, size=n_samples // 2 + 1)
    images = np.stack(
        [
            _Eye(grade, side == "left", pigments[patient], rng).photograph(image_size)
            for grade, side, patient in zip(grades, sides, patients, strict=True)
        ]
    )
    if return_X_y:
        return images, grades
    return Bunch(
        images=images,
        target=grades,
        groups=np.array([f"synthetic{patient:04d}" for patient in patients]),
        eye=sides,
        target_names=list(GRADE_NAMES),
        DESCR=_DESCR,
    )


def _grades_of_eyes(
    n_samples: int, shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.intp]:
    first = rng.choice(5, size=n_samples // 2 + 1, p=shares / shares.sum())
    step = rng.choice([-1, 0, 1], size=len(first), p=[1 / 6, 2 / 3, 1 / 6])
    second = np.clip(first + step, 0, 4)
    return np.stack([first, second], axis=1).ravel()[:n_samples]


@dataclass
class _Eye:
    """One eye, in coordinates from -1 to 1 over the photograph."""

    grade: int
    is_left: bool
    pigment: float
    rng: np.random.Generator

    def photograph(self, image_size: int) -> NDArray[np.uint8]:
        self.size = image_size * _SUPERSAMPLING
        self.temporal = -1.0 if self.is_left else 1.0
        jitter = self.rng.normal(0, 0.05, size=4)
        self.disc = (-0.42 * self.temporal + jitter[0], jitter[1])
        self.macula = (0.15 * self.temporal + jitter[2], 0.05 + jitter[3])
        retina = self._fundus()
        self._darken(retina, self._vessels(), (0.18, 0.42, 0.35))
        self._lesions(retina)
        return self._camera(retina, image_size)

    def _fundus(self) -> NDArray[np.float64]:
        """Paint the background, macula and disc, as reflectances of shape (size, size, 3)."""
        light, dark = np.array([0.86, 0.50, 0.26]), np.array([0.62, 0.28, 0.12])
        colour = light + (dark - light) * self.pigment
        texture = self._texture(6) * 0.05 + self._texture(24) * 0.04
        retina = colour * (1 + texture[..., np.newaxis])
        retina *= 1 - 0.35 * self._spot(self.macula, 0.16)[..., np.newaxis]
        disc = self._spot(self.disc, 0.13, sharpness=8)[..., np.newaxis]
        cup = self._spot(self.disc, 0.06, sharpness=4)[..., np.newaxis]
        retina += disc * (np.array([0.98, 0.80, 0.52]) - retina) * 0.9
        return retina + cup * (np.array([1.0, 0.93, 0.75]) - retina) * 0.7

    def _vessels(self) -> NDArray[np.float64]:
        """Draw the arcades; severe grades have beaded veins. Return an opacity."""
        strokes: list[tuple[list[_Point], float]] = []
        for vertical in (-1, 1):
            for side, reach in ((self.temporal, 1.0), (-self.temporal, 0.5)):
                angle = np.arctan2(vertical * 1.0, side * 0.35)
                for width in (0.022, 0.014):
                    bend = -vertical * side * self.rng.uniform(0.8, 1.2) * reach
                    start = angle + self.rng.normal(0, 0.15)
                    self._grow(strokes, self.disc, start, bend, width, depth=0)
        return self._draw_strokes(strokes)

    def _grow(
        self,
        strokes: list[tuple[list[_Point], float]],
        start: _Point,
        angle: float,
        bend: float,
        width: float,
        depth: int,
    ) -> None:
        """Let one vessel wander, thin and branch."""
        points = [start]
        n_steps = 16 if depth == 0 else 10
        for step in range(n_steps):
            angle += bend * 0.08 + self.rng.normal(0, 0.08)
            x, y = points[-1]
            points.append((x + 0.07 * np.cos(angle), y + 0.07 * np.sin(angle)))
            branches = depth < 2 and step > 1 and self.rng.random() < 0.28
            if branches:
                turn = self.rng.choice([-1, 1]) * self.rng.uniform(0.4, 0.9)
                self._grow(strokes, points[-1], angle + turn, 0.0, width * 0.6, depth + 1)
        strokes.append((points, width))

    def _lesions(self, retina: NDArray[np.float64]) -> None:
        """Paint the lesions of the grade, and spots that may be mistaken for them."""
        rng, grade = self.rng, self.grade
        self._dots(retina, rng.integers(0, 6), (0.010, 0.040), rng.uniform(0.1, 0.4))
        visibility = rng.uniform(0.2, 0.6)
        fewest, most = [(0, 1), (3, 9), (6, 16), (10, 26), (10, 26)][grade]
        self._dots(retina, rng.integers(fewest, most), (0.008, 0.013), visibility)
        if rng.random() < 0.4:
            self._drusen(retina)
        if grade == 2:
            self._dots(retina, rng.integers(1, 7), (0.014, 0.032), visibility)
        if grade == 3 or (grade == 4 and rng.random() < 0.5):
            for quadrant in range(4):
                self._dots(retina, rng.integers(5, 9), (0.014, 0.036), visibility, quadrant)
        elif grade == 4:
            self._dots(retina, rng.integers(2, 9), (0.014, 0.032), visibility)
        if grade >= 2:
            self._exudates(retina, rng.integers(0, 3))
            self._cotton_wool(retina, rng.integers(0, 3 if grade == 2 else 5))
        if grade == 4:
            self._proliferation(retina)

    def _dots(
        self,
        retina: NDArray[np.float64],
        n_dots: int | np.integer,
        radii: tuple[float, float],
        opacity: float,
        quadrant: int | None = None,
    ) -> None:
        """Paint microaneurysms, blot haemorrhages or pigment: dark red, irregular."""
        layer, draw = self._canvas()
        for _ in range(n_dots):
            centre = self._place(quadrant)
            radius = self.rng.uniform(*radii)
            self._blob(draw, centre, radius)
        self._darken(retina, self._opacity(layer, 0.5) * opacity, (0.55, 0.9, 0.85))

    def _exudates(self, retina: NDArray[np.float64], n_clusters: int | np.integer) -> None:
        """Hard exudates: small, bright, yellow, sharp, in clusters."""
        layer, draw = self._canvas()
        for _ in range(n_clusters):
            x, y = self._place()
            for _ in range(self.rng.integers(4, 14)):
                offset = self.rng.normal(0, 0.05, size=2)
                self._blob(draw, (x + offset[0], y + offset[1]), self.rng.uniform(0.006, 0.016))
        self._lighten(retina, self._opacity(layer, 0.4) * 0.75, (0.98, 0.88, 0.50))

    def _cotton_wool(self, retina: NDArray[np.float64], n_spots: int | np.integer) -> None:
        """Cotton-wool spots: pale, soft, larger."""
        layer, draw = self._canvas()
        for _ in range(n_spots):
            self._blob(draw, self._place(), self.rng.uniform(0.03, 0.055))
        self._lighten(retina, self._opacity(layer, 0.02 * self.size) * 0.6, (0.95, 0.87, 0.70))

    def _drusen(self, retina: NDArray[np.float64]) -> None:
        """Drusen: pale spots of age near the macula, which are no retinopathy."""
        layer, draw = self._canvas()
        for _ in range(self.rng.integers(3, 12)):
            offset = self.rng.normal(0, 0.15, size=2)
            centre = (self.macula[0] + offset[0], self.macula[1] + offset[1])
            self._blob(draw, centre, self.rng.uniform(0.008, 0.02))
        self._lighten(retina, self._opacity(layer, 1.0) * 0.4, (0.92, 0.78, 0.45))

    def _proliferation(self, retina: NDArray[np.float64]) -> None:
        """Paint new vessels in tangles, or a boat-shaped haemorrhage before the retina."""
        bleeds = self.rng.random() < 0.4
        if bleeds:
            layer, draw = self._canvas()
            x, y = self._place()
            width, height = self.rng.uniform(0.12, 0.28), self.rng.uniform(0.06, 0.14)
            box = [x - width, y - height, x + width, y + height]
            draw.pieslice([self._pixel(v) for v in box], 0, 180, fill=255)
            self._darken(retina, self._opacity(layer, 1.0) * 0.75, (0.5, 0.9, 0.9))
        strokes: list[tuple[list[_Point], float]] = []
        for _ in range(self.rng.integers(0 if bleeds else 1, 3)):
            centre = self.disc if self.rng.random() < 0.5 else self._place()
            for angle in self.rng.uniform(0, 2 * np.pi, size=self.rng.integers(7, 13)):
                self._tangle(strokes, centre, angle)
        self._darken(retina, self._draw_strokes(strokes), (0.2, 0.5, 0.45))

    def _tangle(
        self, strokes: list[tuple[list[_Point], float]], centre: _Point, angle: float
    ) -> None:
        points = [centre]
        for _ in range(8):
            angle += self.rng.normal(0, 0.7)
            x, y = points[-1]
            points.append((x + 0.02 * np.cos(angle), y + 0.02 * np.sin(angle)))
        strokes.append((points, 0.006))

    def _camera(self, retina: NDArray[np.float64], image_size: int) -> NDArray[np.uint8]:
        """Light, colour, focus, noise and frame of one of several cameras."""
        rng = self.rng
        x, y = self._grid()
        tilt = rng.normal(0, 0.12, size=2)
        radius = np.hypot(x, y)
        light = 1 - rng.uniform(0.15, 0.45) * radius**2 + tilt[0] * x + tilt[1] * y
        gains = rng.uniform(0.75, 1.1) * rng.normal(1, [0.04, 0.07, 0.12])
        photograph = retina * light[..., np.newaxis] * gains
        photograph[radius > rng.uniform(0.93, 1.05)] = 0.02
        image = Image.fromarray((np.clip(photograph, 0, 1) * 255).astype(np.uint8))
        image = image.filter(ImageFilter.GaussianBlur(self.size * rng.uniform(0.0005, 0.004)))
        image = image.resize((image_size, image_size), Image.Resampling.LANCZOS)
        noisy = np.asarray(image) + rng.normal(0, rng.uniform(1, 5), (image_size, image_size, 3))
        return np.clip(noisy, 0, 255).astype(np.uint8)

    def _place(self, quadrant: int | None = None) -> _Point:
        """Choose a point on the retina, away from disc and fovea."""
        while True:
            radius = 0.85 * np.sqrt(self.rng.random())
            sector = 4 * self.rng.random() if quadrant is None else quadrant + self.rng.random()
            angle = sector * np.pi / 2
            point = (radius * np.cos(angle), radius * np.sin(angle))
            if all(
                np.hypot(point[0] - a, point[1] - b) > 0.13 for a, b in (self.disc, self.macula)
            ):
                return point

    def _blob(self, draw: ImageDraw.ImageDraw, centre: _Point, radius: float) -> None:
        angles = np.linspace(0, 2 * np.pi, 9)[:-1]
        radii = radius * self.rng.uniform(0.7, 1.3, size=8)
        draw.polygon(
            [
                (
                    self._pixel(centre[0] + r * np.cos(angle)),
                    self._pixel(centre[1] + r * np.sin(angle)),
                )
                for r, angle in zip(radii, angles, strict=True)
            ],
            fill=255,
        )

    def _draw_strokes(self, strokes: list[tuple[list[_Point], float]]) -> NDArray[np.float64]:
        layer, draw = self._canvas()
        for points, width in strokes:
            n_segments = len(points) - 1
            for i in range(n_segments):
                thin = width * (1 - 0.6 * i / n_segments)
                if self.grade == 3 and width > 0.02:
                    thin *= 1.5 if i % 2 else 0.8  # beaded veins
                line = [self._pixel(v) for point in points[i : i + 2] for v in point]
                draw.line(line, fill=255, width=max(1, round(thin * self.size / 2)))
        return self._opacity(layer, 0.6)

    def _canvas(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        layer = Image.new("L", (self.size, self.size))
        return layer, ImageDraw.Draw(layer)

    def _opacity(self, layer: Image.Image, blur: float) -> NDArray[np.float64]:
        return np.asarray(layer.filter(ImageFilter.GaussianBlur(blur))) / 255

    def _darken(
        self, retina: NDArray[np.float64], opacity: NDArray[np.float64], absorbed: Any
    ) -> None:
        retina *= 1 - opacity[..., np.newaxis] * np.asarray(absorbed)

    def _lighten(
        self, retina: NDArray[np.float64], opacity: NDArray[np.float64], colour: Any
    ) -> None:
        retina += opacity[..., np.newaxis] * (np.asarray(colour) - retina)

    def _spot(self, centre: _Point, radius: float, sharpness: int = 2) -> NDArray[np.float64]:
        x, y = self._grid()
        distance = np.hypot(x - centre[0], y - centre[1]) / radius
        return np.exp(-(distance**sharpness))

    def _texture(self, n_cells: int) -> NDArray[np.float64]:
        coarse = Image.fromarray(self.rng.normal(0, 1, (n_cells, n_cells)).astype(np.float32))
        return np.asarray(coarse.resize((self.size, self.size), Image.Resampling.BICUBIC))

    def _grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        axis = np.linspace(-1, 1, self.size)
        return axis[np.newaxis, :], axis[:, np.newaxis]

    def _pixel(self, coordinate: float) -> float:
        return (coordinate + 1) / 2 * self.size
