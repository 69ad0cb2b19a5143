"""Fewest pieces within a tolerance: Crease over HTTP against line simplification and local fitting.

    approximation_races.py CREASE

Ramer, Douglas and Peucker keep data points, and their tolerance is the distance from the simplified line; since a
vertical distance is never less than that one, theirs is the easier task. pwlf fits so many pieces by differential
evolution in the least-squares sense; it gets more pieces until every point is within the tolerance.
"""

import json
import math
import random
import socket
import subprocess
import sys
import time
import urllib.request

import numpy
import pwlf
from simplification.cutil import simplify_coords


def data(count, seed):
    rng = random.Random(seed)
    return [
        (index, round(100 * math.sin(index * 33 / count) + 20 * math.sin(index * 588 / count) + rng.uniform(-0.5, 0.5), 3))
        for index in range(count)
    ]


def main():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = subprocess.Popen(
        [sys.argv[1], "serve", "--port", str(port), "--access-log", "off"], stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.05)

        def ours(points, tolerance):
            body = json.dumps({"points": points, "tolerance": tolerance}).encode()
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/approximate", body, {"Content-Type": "application/json"}
            )
            times = []
            for _ in range(3):
                begun = time.perf_counter()
                with urllib.request.urlopen(request) as answer:
                    content = answer.read()
                times.append(time.perf_counter() - begun)
            return json.loads(content)["approximation"]["pieces"], min(times)

        for count in (1_000_000,):
            points = data(count, 7)
            array = numpy.array(points)
            for tolerance in (0.75, 1, 3, 10):
                pieces, seconds = ours(points, tolerance)
                begun = time.perf_counter()
                simplified = simplify_coords(array, tolerance)
                theirs = time.perf_counter() - begun
                print(
                    f"  {count:,} points within {tolerance}: crease {pieces} pieces in {seconds:.2f} s, parsing and "
                    f"network included; Ramer-Douglas-Peucker {len(simplified) - 1} pieces in {theirs:.2f} s"
                )
                if pieces > len(simplified) - 1:
                    raise SystemExit("more pieces than a peer")
        rng = random.Random(8)
        points = [(i, round(100 * math.sin(i / 30) + rng.uniform(-0.5, 0.5), 3)) for i in range(200)]
        tolerance = 3
        pieces, seconds = ours(points, tolerance)
        x, y = numpy.array(points).T
        begun = time.perf_counter()
        model = pwlf.PiecewiseLinFit(x, y, seed=1)
        for segments in range(1, 3 * pieces):
            model.fit(segments, workers=1)
            if numpy.abs(model.predict(x) - y).max() <= tolerance or time.perf_counter() - begun > 60:
                break
        theirs = time.perf_counter() - begun
        within = numpy.abs(model.predict(x) - y).max() <= tolerance
        print(
            f"  200 points within {tolerance}: crease {pieces} pieces in {seconds * 1e3:.1f} ms; pwlf "
            f"{segments} pieces{'' if within else ', still outside,'} in {theirs:.1f} s"
        )
    finally:
        service.terminate()
        service.wait(30)


main()
