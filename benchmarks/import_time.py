"""Importing skdr, against importing Keras alone, each in a fresh process."""

import subprocess
import sys

from report import interleaved, parse, print_machine, print_ratios


def imports(statement):
    return lambda: subprocess.run([sys.executable, "-c", statement], check=True)


def main():
    options = parse(__doc__, rounds=9)
    print_machine()
    alternatives = {
        "import keras": imports("import keras"),
        "import keras, sklearn": imports("import keras, sklearn.base"),
        "import skdr": imports("import skdr"),
    }
    print_ratios(interleaved(alternatives, options.rounds), "import keras")


if __name__ == "__main__":
    main()
