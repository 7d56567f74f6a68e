"""Large JPEG photographs to network size: skdr against open-and-resize with Pillow."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from photographs import write_photographs
from PIL import Image
from report import interleaved, parse, print_machine, print_ratios

from skdr.images import as_image_source, decode_all
from skdr.images._batches import resize


def open_and_resize(path, size):
    with Image.open(path) as image:
        shape = (size, size)
        return np.asarray(image.convert("RGB").resize(shape, Image.Resampling.BILINEAR))


def main():
    options = parse(__doc__, n_images=12, size=299, rounds=5)
    print_machine()
    size = options.size
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photographs(Path(folder), options.n_images, 3000, 2000, drawn_at=1000)
        source = as_image_source(paths)

        def one_thread():
            pixels = (source.decode(i, (size, size)) for i in range(len(paths)))
            return np.stack([resize(image, (size, size)) for image in pixels])

        def skdr():
            return decode_all(source, (size, size), 32)

        def plain():
            return np.stack([open_and_resize(path, size) for path in paths])

        def plain_in_threads():
            with ThreadPoolExecutor() as pool:
                return np.stack(list(pool.map(lambda path: open_and_resize(path, size), paths)))

        difference = np.abs(skdr().astype(float) - plain())
        print(
            f"{len(paths)} photographs of 3000 x 2000 to {size} x {size}; grey levels of "
            f"difference: mean {difference.mean():.2f}, 99.9% at most "
            f"{np.quantile(difference, 0.999):.0f}, at most {difference.max():.0f}"
        )
        seconds = interleaved(
            {
                "open and resize, one thread": plain,
                "open and resize, threads": plain_in_threads,
                "skdr, one thread": one_thread,
                "skdr, threads": skdr,
            },
            options.rounds,
        )
        print_ratios(seconds, "open and resize, one thread", per_second=len(paths))


if __name__ == "__main__":
    main()
