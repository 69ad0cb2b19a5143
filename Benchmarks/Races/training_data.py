"""Data files for the training benchmarks: "D n" on the first line, then D lines "x_1 .. x_n y".

usage: training_data.py DIRECTORY
"""

import pathlib
import sys

import numpy
from sklearn.datasets import load_diabetes

COLUMNS = ["bmi", "s5", "bp"]


def standardised(columns):
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def diabetes(n, rows):
    """Efron et al.'s 442 patients: body mass index, log triglycerides, blood pressure; the first rows."""
    data = load_diabetes(scaled=False)
    inputs = numpy.column_stack([data.data[:, data.feature_names.index(name)] for name in COLUMNS[:n]])
    return standardised(inputs)[:rows], standardised(data.target)[:rows]


def labels(inputs, targets):
    return inputs, numpy.where(targets > numpy.median(targets), 1.0, -1.0)


def teacher(n, rows):
    """A network of two units with opposite signs, and normal noise of standard deviation 0.5."""
    random = numpy.random.default_rng(1)
    inputs = random.standard_normal((rows, n))
    directions = random.standard_normal((2, n))
    offsets = 0.5 * random.standard_normal(2)
    hidden = numpy.maximum(0, inputs @ directions.T + offsets)
    return inputs, hidden[:, 0] - hidden[:, 1] + 0.5 * random.standard_normal(rows)


def noise(n, rows):
    random = numpy.random.default_rng(2)
    inputs = random.standard_normal((400, n))
    return inputs[:rows], random.standard_normal(400)[:rows]


def write(directory, name, data):
    inputs, targets = data
    lines = [f"{len(targets)} {inputs.shape[1]}"]
    lines += [" ".join(repr(float(v)) for v in [*row, y]) for row, y in zip(inputs, targets)]
    (directory / name).write_text("\n".join(lines) + "\n")


def write_all(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for n in (1, 2, 3):
        for rows in (8, 12, 16, 20, 24, 32, 40, 80, 160, 320, 442):
            write(directory, f"diabetes_n{n}_D{rows}.txt", diabetes(n, rows))
            write(directory, f"diabetes_labels_n{n}_D{rows}.txt", labels(*diabetes(n, rows)))
        for rows in (8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 64, 80, 128, 200, 400):
            write(directory, f"noise_n{n}_D{rows}.txt", noise(n, rows))
            write(directory, f"noise_labels_n{n}_D{rows}.txt", labels(*noise(n, rows)))
    for n, rows in ((1, 2000), (1, 10000), (2, 2000), (2, 10000)):
        write(directory, f"teacher_n{n}_D{rows}.txt", teacher(n, rows))


if __name__ == "__main__":
    write_all(pathlib.Path(sys.argv[1]))
