"""What importing skdr takes longer than importing Keras alone, in fresh processes.

Each process imports Keras and then skdr, since from one process to the next the same import
varies by more than what is to be seen.
"""

import numpy as np
from report import in_own_process, parse, print_machine

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
    # The first process reads the files from disk.
    seconds = [in_own_process("-c", CODE) for _ in range(options.rounds + 1)]
    of_keras, of_skdr = np.array(seconds[1:]).T
    ratios = 1 + of_skdr / of_keras
    print(f"import keras {np.median(of_keras):.2f} s, then skdr {np.median(of_skdr):.2f} s more:")
    print(f"{np.median(ratios):.3f}x ({ratios.min():.3f} to {ratios.max():.3f})")


if __name__ == "__main__":
    main()
