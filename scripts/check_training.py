"""Holds trained networks against independent solvers on small random and degenerate data: SCIP on complementarity models
(squared and squared-hinge loss), linear programs by HiGHS (absolute, quantile, hinge loss).

usage: check_training.py CREASE_BENCH [METHOD]...
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Benchmarks" / "Races"))
import training_peers  # noqa: E402

# SCIP's optima can be too low by its feasibility tolerance.
TOLERANCE = 5e-6


def instances():
    """(name, inputs, targets, units, loss, output term)"""
    random = numpy.random.default_rng(7)
    for loss, shapes in {
        "squared": [(1, 2, 8), (2, 1, 8), (2, 2, 6), (3, 1, 8)],
        "squared-hinge": [(1, 2, 6), (2, 1, 6)],
        "absolute": [(1, 1, 6), (1, 2, 4), (2, 1, 5)],
        "quantile": [(1, 1, 6), (2, 1, 5)],
        "hinge": [(1, 2, 4), (2, 1, 5)],
    }.items():
        for n, units, rows in shapes:
            for output_term in ("none", "bias", "affine"):
                for kind in ("random", "grid"):
                    if kind == "random":
                        inputs = random.standard_normal((rows, n))
                    else:
                        inputs = random.integers(-1, 2, (rows, n)).astype(float)
                    targets = random.standard_normal(rows)
                    if "hinge" in loss:
                        targets = numpy.where(targets > 0, 1.0, -1.0)
                    yield f"{loss} {output_term} {kind} n={n} w={units} D={rows}", inputs, targets, units, loss, output_term


def reference(inputs, targets, units, loss, output_term):
    if loss in ("squared", "squared-hinge"):
        upper, lower, _ = training_peers.scip(
            inputs, targets, units, 20, gap=1e-7, output_term=output_term, loss=loss)
        return upper, lower
    value = training_peers.piecewise_linear(inputs, targets, units, loss, output_term, level=0.3)
    return value, value


def ours(program, method, inputs, targets, units, loss, output_term):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(f"{inputs.shape[0]} {inputs.shape[1]}\n")
        for row, target in zip(inputs, targets):
            file.write(" ".join(repr(float(value)) for value in [*row, target]) + "\n")
        file.flush()
        answer = subprocess.run(
            [program, "train", file.name, str(units), "--loss", loss, "--output-term", output_term,
             "--method", method, "--json", "--time", "20"] + (["--level", "0.3"] if loss == "quantile" else []),
            capture_output=True, text=True)
    if answer.returncode != 0:
        print(f"{method} takes no {loss} loss: {answer.stdout.strip()}")
        return None
    return json.loads(answer.stdout)


def main():
    program = sys.argv[1]
    methods = sys.argv[2:] or ["enumeration", "branch-and-bound"]
    checked, unproved, failures, refused = 0, 0, 0, set()
    for name, inputs, targets, units, loss, output_term in instances():
        upper, lower = reference(inputs, targets, units, loss, output_term)
        for method in methods:
            if (method, loss) in refused:
                continue
            answer = ours(program, method, inputs, targets, units, loss, output_term)
            if answer is None:
                refused.add((method, loss))
                continue
            slack = TOLERANCE * (1 + abs(upper))
            agrees = answer["lowerBound"] <= upper + slack and answer["loss"] >= lower - slack
            checked += 1
            if not answer["optimal"]:
                unproved += 1
                print(f"{name} {method}: not proved, gap {answer['relativeGap']:.1e}")
            if not agrees:
                failures += 1
                print(f"{name} {method}: [{lower}, {upper}] against {answer}\n  {inputs.tolist()} {targets.tolist()}")
    print(f"{checked} answers held against SCIP and HiGHS: {failures} wrong, {unproved} not proved")
    return 1 if failures or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
