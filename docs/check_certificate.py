#!/usr/bin/env python3
"""Checks a training certificate of Crease with nothing but Python's standard library and rational arithmetic.

Usage: check_certificate.py FILE   (- for standard input)
Exit status: 0 accepted, 1 refused, 2 unreadable.

What is checked, and why it proves the bound, is in certificates.md beside this file. The program shares no code with the
solver or with `crease verify`, and prefers being short to being fast.
"""
import hashlib
import itertools
import json
import math
import re
import sys
from fractions import Fraction
from math import gcd


class Refused(Exception):
    pass


class Unreadable(Exception):
    pass


def require(condition, reason):
    if not condition:
        raise Refused(reason)


# Reading.


def without_duplicates(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("a member comes twice")
    return members


def exact(entry):
    """A JSON number is its nearest binary64, a string an exact fraction."""
    if isinstance(entry, bool) or not isinstance(entry, (int, float, str)):
        raise Unreadable("a number is expected")
    if isinstance(entry, str):
        if not re.fullmatch(r"-?[0-9]+(/[0-9]+)?", entry):
            raise Unreadable("a string is no fraction")
        return Fraction(entry)
    value = float(entry)
    if not math.isfinite(value):
        raise Unreadable("a number is not finite")
    return Fraction(value)


def whole(entry):
    if isinstance(entry, bool) or not isinstance(entry, int):
        raise Unreadable("a whole number is expected")
    return entry


def check_digest(raw):
    text = re.sub(rb"[ \t\r\n]+", b"", raw)
    found = re.search(rb',"sha256":"([0-9a-f]{64})"}$', text)
    if not found:
        raise Unreadable("the document does not end with its digest")
    require(hashlib.sha256(text[: found.start()]).hexdigest().encode() == found.group(1), "the digest is another one")


# Rounding and logarithms.


def rounded_up(value):
    result = value.numerator / value.denominator
    return result if Fraction(result) >= value else math.nextafter(result, math.inf)


BITS = 128
ONE = 1 << BITS


def log_upper(value):
    """An upper bound of the natural logarithm of a positive fraction."""
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    scaled = value / Fraction(2) ** shift  # in (1/2, 2)
    m = -((-scaled.numerator << BITS) // scaled.denominator)
    return Fraction(series(m), ONE) + shift * (LN2_UPPER if shift > 0 else LN2_LOWER) + Fraction(1, 1 << 100)


def series(m):
    """log(m / ONE) · ONE to within 2^-110 · ONE for m / ONE in [1/2, 2]: 2 artanh((m - 1)/(m + 1))."""
    z = ((m - ONE) << BITS) // (m + ONE)
    square = (z * z) >> BITS
    power, total, index = z, z, 3
    while abs(power) > 1:
        power = (power * square) >> BITS
        total += power // index
        index += 2
    return 2 * total


LN2_LOWER = Fraction(series(2 * ONE), ONE) - Fraction(1, 1 << 100)
LN2_UPPER = Fraction(series(2 * ONE), ONE) + Fraction(1, 1 << 100)


def softplus_upper(s):
    """An upper bound of log(1 + e^s)."""
    if s > 0:
        return s + softplus_upper(-s)
    if s < -100:
        return Fraction(1, 1 << 140)
    parts = 1
    while -s / parts > Fraction(1, 2):
        parts *= 2
    term, total = ONE, ONE
    small = -((-s.numerator << BITS) // (s.denominator * parts))
    for index in range(1, 60):
        term = (term * small >> BITS) // index
        total += term
    total += 200
    while parts > 1:
        total = (total * total >> BITS) + 1
        parts //= 2
    return log_upper(1 + Fraction(total, ONE))


# Losses: the slope's range, the convex conjugate l*(u), the value.


class Loss:
    def __init__(self, member):
        self.kind = member["kind"]
        known = {"squared", "absolute", "huber", "quantile", "hinge", "squared-hinge", "logistic"}
        if self.kind not in known:
            raise Unreadable("the loss is not known")
        self.delta = exact(member["delta"]) if self.kind == "huber" else None
        self.level = exact(member["level"]) if self.kind == "quantile" else None
        require(self.delta is None or self.delta > 0, "delta is not positive")
        require(self.level is None or 0 < self.level < 1, "level is not inside (0, 1)")
        self.is_classification = self.kind in ("hinge", "squared-hinge", "logistic")

    def contains(self, u, y):
        if self.kind == "squared":
            return True
        if self.kind == "absolute":
            return abs(u) <= 1
        if self.kind == "huber":
            return abs(u) <= self.delta
        if self.kind == "quantile":
            return -self.level <= u <= 1 - self.level
        if self.kind == "squared-hinge":
            return u * y <= 0
        return -1 <= u * y <= 0

    def conjugate(self, u, y):
        """l*(u), or a number above it."""
        if self.kind in ("squared", "squared-hinge"):
            return u * u / 4 + u * y
        if self.kind == "huber":
            return u * u / 2 + u * y
        if self.kind == "logistic":
            return sum(min(0, v * log_upper(v)) for v in (abs(u), 1 - abs(u)) if v > 0)
        return u * y

    def upper_value(self, f, y):
        r = f - y
        if self.kind == "squared":
            return r * r
        if self.kind == "absolute":
            return abs(r)
        if self.kind == "huber":
            return r * r / 2 if abs(r) <= self.delta else self.delta * (abs(r) - self.delta / 2)
        if self.kind == "quantile":
            return -self.level * r if r < 0 else (1 - self.level) * r
        margin = max(Fraction(0), 1 - y * f)
        if self.kind == "hinge":
            return margin
        if self.kind == "squared-hinge":
            return margin * margin
        return softplus_upper(-y * f)


# Linear algebra over the rationals.


def solved(matrix, right):
    """x with matrix x = right for a square matrix; None where it is singular."""
    rows = [list(row) + [value] for row, value in zip(matrix, right)]
    size = len(rows)
    for column in range(size):
        pivot = next((row for row in range(column, size) if rows[row][column] != 0), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(size):
            if row != column and rows[row][column] != 0:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column])]
    return [rows[index][size] / rows[index][index] for index in range(size)]


def primitive(vector):
    """The integer vector without common divisor on the ray of a rational vector."""
    common = math.lcm(*(Fraction(value).denominator for value in vector))
    integers = [int(value * common) for value in vector]
    divisor = gcd(*integers)
    return tuple(value // divisor for value in integers)


# Cones.


class Ray:
    def __init__(self, direction, points):
        self.direction = direction
        self.products = [sum(a * b for a, b in zip(point, direction)) for point in points]
        self.zeros = {index for index, product in enumerate(self.products) if product == 0}


class Cone:
    def __init__(self, rays, constraints, points):
        self.rays, self.constraints, self.points = rays, constraints, points
        self.states = []
        for index in range(len(points)):
            positive = any(ray.products[index] > 0 for ray in rays)
            negative = any(ray.products[index] < 0 for ray in rays)
            self.states.append("undecided" if positive and negative else "inactive" if negative else "active")

    def cut(self, point):
        sides = ([], [])
        for ray in self.rays:
            if ray.products[point] >= 0:
                sides[0].append(ray)
            if ray.products[point] <= 0:
                sides[1].append(ray)
        above = [ray for ray in self.rays if ray.products[point] > 0]
        below = [ray for ray in self.rays if ray.products[point] < 0]
        for a, b in itertools.product(above, below):
            if self.adjacent(a, b):
                p, q = a.products[point], b.products[point]
                ray = Ray(primitive([p * y - q * x for x, y in zip(a.direction, b.direction)]), self.points)
                sides[0].append(ray)
                sides[1].append(ray)
        constraints = self.constraints | {point}
        return tuple(Cone(rays, constraints, self.points) for rays in sides)

    def adjacent(self, a, b):
        common = a.zeros & b.zeros & self.constraints
        if len(common) < len(a.direction) - 2:
            return False
        return not any(ray is not a and ray is not b and common <= ray.zeros for ray in self.rays)

    def same(self, other):
        return {ray.direction for ray in self.rays} == {ray.direction for ray in other.rays}


# The check.


class Check:
    def __init__(self, document):
        columns = document["inputs"] and len(document["inputs"][0])
        self.inputs = [[exact(value) for value in row] for row in document["inputs"]]
        self.targets = [exact(value) for value in document["targets"]]
        self.weights = [exact(value) for value in document["sampleWeights"]]
        self.units = whole(document["hiddenUnits"])
        self.loss = Loss(document["loss"])
        self.term = document["outputTerm"]
        rows = len(self.inputs)
        require(rows > 0 and columns > 0 and all(len(row) == columns for row in self.inputs), "the inputs' shape")
        require(len(self.targets) == rows and len(self.weights) == rows, "not one target and weight a row")
        require(all(weight >= 0 for weight in self.weights) and sum(self.weights) > 0, "the weights")
        require(self.term in ("none", "bias", "affine"), "the output term")
        require(1 <= self.units, "the number of hidden units")
        if self.loss.is_classification:
            require(all(abs(y) == 1 for y in self.targets), "a label is neither -1 nor 1")
        self.columns = columns
        self.document = document
        self.find_points()

    def find_points(self):
        """Distinct inputs of positive weight, and the homogeneous ones cut to the kept coordinates."""
        self.coordinates = [whole(value) for value in self.document["coordinates"]]
        require(
            self.coordinates
            and len(set(self.coordinates)) == len(self.coordinates)
            and all(0 <= column <= self.columns for column in self.coordinates),
            "the coordinates are no distinct columns",
        )
        names, self.members = {}, []
        for row, values in enumerate(self.inputs):
            if self.weights[row] > 0:
                key = tuple(values)
                if key not in names:
                    names[key] = len(self.members)
                    self.members.append([])
                self.members[names[key]].append(row)
        self.point_of_row = [names.get(tuple(values)) for values in self.inputs]
        self.full = [self.inputs[rows[0]] + [Fraction(1)] for rows in self.members]
        kept = [[row[column] for column in self.coordinates] for row in self.full]
        scales = [math.lcm(*(row[index].denominator for row in kept)) for index in range(len(self.coordinates))]
        self.points = [[int(value * scale) for value, scale in zip(row, scales)] for row in kept]

    def point(self, row):
        row = whole(row)
        require(0 <= row < len(self.inputs) and self.point_of_row[row] is not None, "a row is no point")
        return self.point_of_row[row]

    def run(self):
        document = self.document
        self.lower = exact(document["lowerBound"])
        self.check_network()
        base = [self.point(row) for row in document["baseRows"]]
        require(len(base) == len(self.coordinates), "not one base row a coordinate")
        matrix = [[Fraction(value) for value in self.points[point]] for point in base]
        require(solved(matrix, [Fraction(0)] * len(base)) is not None, "the base rows are dependent")
        for column in set(range(self.columns + 1)) - set(self.coordinates):
            factors = solved(matrix, [self.full[point][column] for point in base])
            for point, row in zip(self.points, self.full):
                require(sum(a * b for a, b in zip(factors, point)) == row[column], "a column that is left out counts")
        self.check_roots(len(base))
        roots = {}
        for tree in document["trees"]:
            for cell in tree["cells"]:
                if cell not in roots:
                    roots[cell] = self.root(cell, base, matrix)
            self.check_tree(tree, [roots[cell] for cell in tree["cells"]])

    def root(self, cell, base, matrix):
        rays = []
        for index in range(len(base)):
            right = [Fraction(0)] * len(base)
            right[index] = Fraction(1 if cell >> index & 1 else -1)
            rays.append(Ray(primitive(solved(matrix, right)), self.points))
        return Cone(rays, frozenset(base), self.points)

    def check_roots(self, dimension):
        """Exactly one tree for every number of positive units and every pair of multisets of cells."""
        flips = self.term == "affine"
        cells = 1 << (dimension - 1 if flips else dimension)
        expected = sum(
            math.comb(cells + positive - 1, positive)
            * math.comb(cells + self.units - positive - 1, self.units - positive)
            for positive in range(self.units + 1)
        )
        seen = set()
        for tree in self.document["trees"]:
            positive = whole(tree["positiveUnits"])
            chosen = [whole(cell) for cell in tree["cells"]]
            require(0 <= positive <= self.units and len(chosen) == self.units, "a tree has another number of units")
            for cell in chosen:
                require(0 <= cell < 1 << dimension and (not flips or cell & 1), "a cell is not canonical")
            for part in (chosen[:positive], chosen[positive:]):
                require(part == sorted(part), "cells of equal sign are not in order")
            seen.add((positive, *chosen))
        require(len(seen) == len(self.document["trees"]) == expected, "the roots do not cover the parameters")

    def check_tree(self, tree, cones):
        positive = tree["positiveUnits"]
        pending = [cones]
        for node in tree["nodes"]:
            require(pending, "a tree has nodes after its end")
            cones = pending.pop()
            if set(node) == {"cut"}:
                unit, row = node["cut"]
                require(0 <= whole(unit) < self.units, "a cut names no unit")
                sides = cones[unit].cut(self.point(row))
                for side in reversed(sides):
                    pending.append(cones[:unit] + [side] + cones[unit + 1 :])
            elif set(node) == {"pair"}:
                a, b, row = node["pair"]
                require(
                    whole(a) != whole(b) and all(0 <= unit < self.units for unit in (a, b))
                    and (a < positive) == (b < positive) and cones[a].same(cones[b]),
                    "a pair is not interchangeable",
                )
                plus, minus = cones[a].cut(self.point(row))
                for left, right in ((minus, minus), (plus, minus), (plus, plus)):
                    child = list(cones)
                    child[a], child[b] = left, right
                    pending.append(child)
            elif set(node) == {"dual", "slopes"}:
                self.check_leaf(node, cones, positive)
            else:
                raise Unreadable("a node is neither a cut nor a leaf")
        require(not pending, "a tree ends too early")

    def check_leaf(self, node, cones, positive):
        dual = [exact(value) for value in node["dual"]]
        require(len(dual) == len(self.inputs), "not one dual entry a row")
        require(all(g == 0 for g, weight in zip(dual, self.weights) if weight == 0), "a row of weight 0 counts")
        slopes = {}
        for row, unit, value in node["slopes"]:
            key = (self.point(row), whole(unit))
            require(0 <= unit < self.units and key not in slopes, "a slope names no unit, or comes twice")
            require(cones[unit].states[key[0]] == "undecided", "a slope belongs to no undecided pair")
            slopes[key] = exact(value)
            require(0 < slopes[key] <= 1, "a slope is outside [0, 1]")
        sums = [sum(dual[row] for row in rows) for rows in self.members]
        scale = math.lcm(1, *(value.denominator for value in sums))
        sums = [int(value * scale) for value in sums]
        if self.term != "none":
            require(sum(sums) == 0, "the dual entries do not add up to 0")
        if self.term == "affine":
            for column in zip(*self.points):
                require(sum(a * b for a, b in zip(sums, column)) == 0, "the dual's first moments are not 0")
        for unit, cone in enumerate(cones):
            sign = 1 if unit < positive else -1
            for ray in cone.rays:
                profit = 0
                for point, (g, product) in enumerate(zip(sums, ray.products)):
                    state = cone.states[point]
                    if state == "inactive" or g == 0:
                        continue
                    if state == "active":
                        profit += sign * g * product
                    elif sign * g > 0:
                        profit += slopes.get((point, unit), 0) * (sign * g * product)
                    elif product > 0:
                        profit += sign * g * product
                require(profit >= 0, "a leaf's dual vector is not feasible")
        bound = Fraction(0)
        for row, g in enumerate(dual):
            if self.weights[row] > 0:
                u = g / self.weights[row]
                require(self.loss.contains(u, self.targets[row]), "a dual entry is outside the conjugate's domain")
        bound = -self.conjugate_sum(dual)
        require(bound >= self.lower * sum(self.weights), "a leaf does not prove the lower bound")

    def conjugate_sum(self, dual):
        """The sum of w l*(g / w); quadratic ones over common denominators, which is what makes it fast."""
        rows = [row for row in range(len(dual)) if self.weights[row] > 0]
        factor = {"squared": Fraction(1, 4), "squared-hinge": Fraction(1, 4), "huber": Fraction(1, 2)}
        if self.loss.kind == "logistic":
            return sum(self.weights[row] * self.loss.conjugate(dual[row] / self.weights[row], self.targets[row]) for row in rows)
        scale = math.lcm(1, *(dual[row].denominator for row in rows))
        height = math.lcm(1, *(self.targets[row].denominator for row in rows))
        integers = {row: int(dual[row] * scale) for row in rows}
        total = Fraction(sum(integers[row] * int(self.targets[row] * height) for row in rows), scale * height)
        if self.loss.kind in factor:
            squares = {}
            for row in rows:
                squares[self.weights[row]] = squares.get(self.weights[row], 0) + integers[row] ** 2
            for weight, square in squares.items():
                total += factor[self.loss.kind] * Fraction(square, scale * scale) / weight
        return total

    def check_network(self):
        layers = self.document["network"]["layers"]
        require(len(layers) == 2, "the network has not one hidden layer")
        hidden = [[exact(value) for value in row] for row in layers[0]["weights"]]
        bias = [exact(value) for value in layers[0]["bias"]]
        outer = [exact(value) for value in layers[1]["weights"][0]]
        shift = exact(layers[1]["bias"][0])
        size = len(hidden)
        require(len(layers[1]["weights"]) == 1 and len(layers[1]["bias"]) == 1, "the network has several outputs")
        require(len(bias) == size == len(outer) and all(len(row) == self.columns for row in hidden), "the network's shape")
        require(shift == 0 or self.term != "none", "the network has an output bias")
        if size > self.units:
            require(
                self.term == "affine" and size <= self.units + 2 and size >= 2
                and all(a == -b for a, b in zip(hidden[-1], hidden[-2]))
                and bias[-1] == -bias[-2] and outer[-1] == -outer[-2],
                "the network has too many hidden units",
            )
        total = Fraction(0)
        for values, y, weight in zip(self.inputs, self.targets, self.weights):
            if weight > 0:
                f = shift
                for row, offset, factor in zip(hidden, bias, outer):
                    f += factor * max(Fraction(0), sum(a * b for a, b in zip(row, values)) + offset)
                total += weight * self.loss.upper_value(f, y)
        mean = total / sum(self.weights)
        loss = exact(self.document["networkLoss"])
        if self.loss.kind == "logistic":
            require(mean <= loss <= mean + Fraction(1, 1 << 40), "the network's loss is another one")
        else:
            require(float(loss) == rounded_up(mean), "the network's loss is another one")
        require(self.lower <= loss, "the lower bound is above the network's loss")
        gap = (loss - self.lower) / loss if loss > 0 else Fraction(0)
        require(float(exact(self.document["relativeGap"])) == rounded_up(gap), "the gap is another one")


MEMBERS = {
    "format", "inputs", "targets", "sampleWeights", "hiddenUnits", "loss", "outputTerm", "network", "networkLoss",
    "lowerBound", "relativeGap", "coordinates", "baseRows", "trees", "sha256",
}


def check(raw):
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=without_duplicates)
        if not isinstance(document, dict) or document.get("format") != "crease-training-certificate-1":
            raise Unreadable("this is no training certificate of a known format")
        check_digest(raw)
        if set(document) != MEMBERS:
            raise Unreadable("a member is missing or not known")
        Check(document).run()
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    return document


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    sys.set_int_max_str_digits(0)
    try:
        if sys.argv[1] == "-":
            raw = sys.stdin.buffer.read()
        else:
            with open(sys.argv[1], "rb") as file:
                raw = file.read()
        document = check(raw)
    except (OSError, Unreadable) as error:
        print(f"unreadable: {error}", file=sys.stderr)
        return 2
    except Refused as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    print(f"accepted: no network of the class has a loss below {document['lowerBound']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
