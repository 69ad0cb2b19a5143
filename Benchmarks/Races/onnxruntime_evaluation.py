"""onnxruntime's time for what `crease-bench evaluate WIDTHS ROWS THREADS` measures, in float64.

    pip install numpy onnx onnxruntime
    python onnxruntime_evaluation.py 2-64-64-1 1000000 2

Prints the least time of several runs, of the whole batch at once and (for large batches) in chunks of 20,000 rows,
which stay in the cache.
"""

import sys
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def model(widths, rng):
    nodes, initializers, current = [], [], "x"
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        initializers.append(numpy_helper.from_array(rng.uniform(-1, 1, (inputs, outputs)), f"w{i}"))
        initializers.append(numpy_helper.from_array(rng.uniform(-1, 1, outputs), f"b{i}"))
        nodes.append(helper.make_node("Gemm", [current, f"w{i}", f"b{i}"], [f"affine{i}"]))
        current = f"affine{i}"
        if i < len(widths) - 2:
            nodes.append(helper.make_node("Relu", [current], [f"relu{i}"]))
            current = f"relu{i}"
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, widths[0]])],
        [helper.make_tensor_value_info(current, TensorProto.DOUBLE, [None, widths[-1]])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def least(run, repetitions):
    best = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(repetitions):
            run()
        best = min(best, (time.perf_counter() - start) / repetitions)
    return best


def main():
    widths = [int(width) for width in sys.argv[1].split("-")]
    rows, threads = int(sys.argv[2]), int(sys.argv[3])
    rng = np.random.default_rng(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model(widths, rng).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x = rng.uniform(-1, 1, (rows, widths[0]))
    repetitions = max(1, 200_000 // rows)
    whole = least(lambda: session.run(None, {"x": x}), repetitions)
    print(f"onnxruntime {onnxruntime.__version__}, {sys.argv[1]}, {rows} rows, {threads} threads: {whole * 1e9:.0f} ns")
    if rows > 100_000:
        parts = [x[start : start + 20_000] for start in range(0, rows, 20_000)]
        chunked = least(lambda: [session.run(None, {"x": part}) for part in parts], 1)
        print(f"  in chunks of 20,000 rows: {chunked * 1e9:.0f} ns")


if __name__ == "__main__":
    main()
