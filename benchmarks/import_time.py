"""What importing skdr takes longer than importing Keras alone, in fresh processes.

Each process imports Keras and then skdr, since from one process to the next the same import
varies by more than what is to be seen.
"""

import json
import subprocess
import sys

import numpy as np
from report import parse, print_machine

CODE = """
import json, time
start = time.perf_counter()
import keras
middle = time.perf_counter()
import skdr
print(json.dumps([middle - start, time.perf_counter() - middle]))
"""


def main():
    options = parse(__doc__, rounds=5)
    print_machine()
    seconds = []
    for _ in range(options.rounds + 1):  # the first reads the files from disk
        done = subprocess.run(
            [sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True, check=True
        )
        seconds.append(json.loads(done.stdout.splitlines()[-1]))
    of_keras, of_skdr = np.array(seconds[1:]).T
    ratios = 1 + of_skdr / of_keras
    print(f"import keras {np.median(of_keras):.2f} s, then skdr {np.median(of_skdr):.2f} s more:")
    print(f"{np.median(ratios):.3f}x ({ratios.min():.3f} to {ratios.max():.3f})")


if __name__ == "__main__":
    main()
