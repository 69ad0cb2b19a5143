"""Activation cells of a network by relucent: relucent_pieces.py NETWORK-FILE ("n layers", then for each layer "rows
columns", the weights and the biases)."""
import os
import sys
import time

import numpy as np
import relucent
from relucent.model.model import LinearLayer, ReLULayer, ReLUNetwork

if __name__ == "__main__":
    numbers = iter(open(sys.argv[1]).read().split())
    next(numbers)
    layers = []
    for _ in range(int(next(numbers))):
        rows, columns = int(next(numbers)), int(next(numbers))
        weights = np.array([float(next(numbers)) for _ in range(rows * columns)]).reshape(rows, columns)
        layers += [LinearLayer(weights, np.array([float(next(numbers)) for _ in range(rows)])), ReLULayer()]
    cells = relucent.Complex(ReLUNetwork(layers[:-1]))
    start = time.perf_counter()
    before = os.times()
    cells.bfs(nworkers=1, verbose=0)
    print(f"relucent {relucent.__version__}: {len(cells)} cells in {time.perf_counter() - start:.3f} s, "
          f"{sum(os.times()[:4]) - sum(before[:4]):.3f} s of processor time")
