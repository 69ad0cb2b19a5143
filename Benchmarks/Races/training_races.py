"""Exact training: Crease over data, units and cores, and against general solvers on the same instances.

    training_races.py CREASE CREASE_BENCH [--seconds S] [--parts table,curves,hard,peers,segmented,live] [--pictures DIRECTORY]
        [--trial PROGRAM]

CREASE is the service's executable, CREASE_BENCH the benchmark program. A solver gets S seconds for each instance, 60
unless told otherwise; `table` twice that. `curves` draws time against the number of points, inputs and units into
DIRECTORY. PROGRAM is another branch and bound for the squared loss, called with a file, the number of units and the
seconds: `table` runs it in turns with Crease.
"""

import argparse
import json
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import numpy

import training_data
import training_peers

# (data, n, units, rows)
TABLE = [
    ("diabetes", 1, 2, 442),
    ("diabetes", 1, 3, 442),
    ("diabetes", 1, 4, 80),
    ("diabetes", 2, 1, 442),
    ("diabetes", 2, 2, 442),
    ("diabetes", 2, 3, 80),
    ("diabetes", 3, 1, 442),
    ("diabetes", 3, 2, 80),
    ("diabetes", 3, 2, 442),
    ("teacher", 1, 2, 10000),
    ("teacher", 2, 1, 10000),
    ("teacher", 1, 3, 2000),
]

HARD = [
    ("noise", 1, 3, 80, "squared"),
    ("noise", 2, 2, 40, "squared"),
    ("noise", 3, 2, 40, "squared"),
    ("noise", 3, 2, 8, "squared"),
    ("diabetes", 1, 4, 160, "squared"),
    ("diabetes", 1, 5, 40, "squared"),
    ("diabetes", 1, 2, 442, "absolute"),
    ("diabetes", 2, 2, 80, "absolute"),
    ("diabetes", 1, 3, 80, "absolute"),
    ("labels", 1, 2, 442, "hinge"),
    ("labels", 2, 2, 80, "hinge"),
    ("labels", 2, 2, 80, "logistic"),
]

CURVE_ROWS = [16, 40, 80, 160, 320, 442]

PEER_SHAPES = [(2, 2), (1, 3), (3, 2)]
PEER_ROWS = [8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 80, 128, 200, 400]


def load(kind, n, rows):
    if kind == "labels":
        return training_data.labels(*training_data.diabetes(n, rows))
    return {"diabetes": training_data.diabetes, "teacher": training_data.teacher, "noise": training_data.noise}[kind](
        n, rows)


class Crease:
    def __init__(self, program, seconds):
        self.program = program
        self.seconds = seconds

    def train(self, data, units, threads=1, loss="squared", method="branch-and-bound", gap=1e-6):
        """The answer, or `None` where the program refuses."""
        with tempfile.TemporaryDirectory() as directory:
            training_data.write(pathlib.Path(directory), "data.txt", data)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            answer = subprocess.run(
                [self.program, "train", directory + "/data.txt", str(units), "--threads", str(threads), "--loss", loss,
                 "--method", method, "--gap", str(gap), "--time", str(self.seconds), "--json"]
                + (["--program-limit", str(10**12)] if method == "enumeration" else []),
                capture_output=True, text=True)
            processor = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        if answer.returncode != 0:
            return None
        return json.loads(answer.stdout.splitlines()[-1]) | {"processor": processor}


def outcome(answer):
    if answer is None:
        return "refused"
    if answer["optimal"]:
        rate = answer["nodes"] / max(answer["seconds"], 1e-9)
        return f"{answer['seconds']:8.3f} s (processor {answer['processor']:7.3f}) {answer['nodes']:8} nodes {rate:8.0f}/s"
    return f"gap {answer['relativeGap']:.1e} after {answer['seconds']:.0f} s, {answer['nodes']} nodes"


def run_trial(program, data, units, seconds):
    """Wall seconds of another program, and whether it says that it is done."""
    with tempfile.TemporaryDirectory() as directory:
        training_data.write(pathlib.Path(directory), "data.txt", data)
        begun = time.perf_counter()
        answer = subprocess.run(
            [program, directory + "/data.txt", str(units), str(seconds)], capture_output=True, text=True)
        return time.perf_counter() - begun, "PROVED" in answer.stdout


def table(crease, trial):
    print("-- squared loss, relative gap 1e-6: one thread, two threads, scaling" + (", another program" if trial else ""))
    crease = Crease(crease.program, 2 * crease.seconds)
    for kind, n, units, rows in TABLE:
        data = load(kind, n, rows)
        two = crease.train(data, units, threads=2)
        line = f"{kind:9} n={n} w={units} D={rows:5}: "
        if trial:
            seconds, is_done = run_trial(trial, data, units, crease.seconds)
            again = crease.train(data, units, threads=2)
            if again and two and again["seconds"] < two["seconds"]:
                two = again
        one = crease.train(data, units)
        line += f"{outcome(one)} | {outcome(two)}"
        if one and two and one["optimal"] and two["optimal"]:
            line += f" | x {one['seconds'] / max(two['seconds'], 1e-9):.2f}"
        if trial:
            line += f" | {seconds:.2f} s{'' if is_done else ' not proved'}, {seconds / max(two['seconds'], 1e-9):.1f} times"
        print(line, flush=True)


def hard(crease):
    print("-- hard regimes, one thread (absolute loss at relative gap 1e-4)")
    for kind, n, units, rows, loss in HARD:
        answer = crease.train(load(kind, n, rows), units, loss=loss, gap=1e-4 if loss == "absolute" else 1e-6)
        print(f"{kind:9} {loss:9} n={n} w={units} D={rows:5}: {outcome(answer)}", flush=True)


def curves(crease, pictures):
    """Time against D, n and w, one thread, as text and as a picture."""
    print("-- seconds against the number of points, one thread")
    series = {}
    for n, units in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2)):
        points = []
        for rows in CURVE_ROWS:
            answer = crease.train(load("diabetes", n, rows), units)
            if answer is None or not answer["optimal"]:
                break
            points.append((rows, max(answer["seconds"], 1e-4), answer["nodes"]))
        series[f"n = {n}, w = {units}"] = points
        print(f"n={n} w={units}: " + ", ".join(f"{r}: {s:.3f} s {k} nodes" for r, s, k in points), flush=True)
    if pictures is None:
        return
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "training"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4))
    for name, points in series.items():
        axes.loglog([p[0] for p in points], [p[1] for p in points], marker="o", markersize=3, label=name)
    axes.set_xticks(CURVE_ROWS, [str(rows) for rows in CURVE_ROWS])
    axes.minorticks_off()
    axes.set_xlabel("points")
    axes.set_ylabel("seconds to proved optimality")
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(pictures / "training-time.svg", metadata={"Date": None})


def peers(crease):
    """As far as each gets: the largest D of a pure-noise instance proved within the limit."""
    print(f"-- the largest D proved within {crease.seconds} s, pure noise, squared loss, one thread")

    def solver(name):
        def run(data, units):
            if name in ("branch-and-bound", "enumeration"):
                answer = crease.train(data, units, method=name)
                return (answer["seconds"], answer["loss"]) if answer and answer["optimal"] else None
            solve = training_peers.scip if name == "SCIP" else training_peers.gurobi
            upper, lower, seconds = solve(*data, units, crease.seconds)
            return (seconds, upper) if upper - lower <= 2e-6 * max(upper, 1e-3) else None

        return run

    names = ["branch-and-bound", "enumeration", "SCIP"]
    try:
        import gurobipy  # noqa: F401

        names.append("Gurobi")
    except ImportError:
        pass
    for n, units in PEER_SHAPES:
        losses = {}
        for name in names:
            reached, log = 0, []
            for rows in PEER_ROWS:
                try:
                    answer = solver(name)(load("noise", n, rows), units)
                except Exception as error:  # a licence's limit
                    log.append(f"{rows}: {error}")
                    break
                if answer is None:
                    log.append(f"{rows}: not proved")
                    break
                reached = rows
                log.append(f"{rows}: {answer[0]:.2f} s")
                previous = losses.setdefault(rows, answer[1])
                if abs(previous - answer[1]) > 1e-5 * max(1e-3, previous):
                    print(f"DISAGREE {name} n={n} w={units} D={rows}: {answer[1]} against {previous}")
            print(f"n={n} w={units} {name:17} D = {reached:3}   ({', '.join(log)})", flush=True)


def segmented(crease):
    """Segmented regression: continuous piecewise-linear least squares of p pieces, n = 1."""
    import pwlf

    print("-- segmented regression of the diabetes data (body mass index): p pieces by w = p - 1 units and an affine term")
    inputs, targets = training_data.diabetes(1, 442)
    for pieces in (2, 3, 4):
        with tempfile.TemporaryDirectory() as directory:
            training_data.write(pathlib.Path(directory), "data.txt", (inputs, targets))
            answer = json.loads(
                subprocess.run(
                    [crease.program, "train", directory + "/data.txt", str(pieces - 1), "--output-term", "affine",
                     "--time", str(crease.seconds), "--json"],
                    check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        begun = time.perf_counter()
        model = pwlf.PiecewiseLinFit(inputs[:, 0], targets, seed=1)
        model.fit(pieces)
        theirs = time.perf_counter() - begun
        loss = float(numpy.mean((model.predict(inputs[:, 0]) - targets) ** 2))
        print(
            f"p={pieces}: Crease {answer['loss']:.9f} ({'proved' if answer['optimal'] else 'gap %.1e' % answer['relativeGap']}) "
            f"{answer['seconds']:.3f} s; pwlf {loss:.9f} {theirs:.2f} s", flush=True)


def live(program, seconds):
    """/livez while two training jobs run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = subprocess.Popen(
        [program, "serve", "--port", str(port), "--access-log", "off"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.05)
        base = f"http://127.0.0.1:{port}"
        inputs, targets = load("noise", 3, 400)
        body = json.dumps({
            "inputs": inputs.tolist(), "targets": targets.tolist(), "hiddenUnits": 3,
            "timeLimitSeconds": seconds + 20}).encode()
        for _ in range(2):
            request = urllib.request.Request(base + "/v1/train", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 202, answer.status
        time.sleep(1)
        times, lock = [], threading.Lock()
        end = time.perf_counter() + seconds

        def probe_often():
            import http.client

            connection = http.client.HTTPConnection("127.0.0.1", port)
            while time.perf_counter() < end:
                begun = time.perf_counter()
                connection.request("GET", "/livez")
                connection.getresponse().read()
                with lock:
                    times.append(time.perf_counter() - begun)
                time.sleep(0.002)

        threads = [threading.Thread(target=probe_often) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with urllib.request.urlopen(base + "/v1/jobs") as answer:
            running = sum(job["status"] == "running" for job in json.load(answer)["jobs"])
        times.sort()
        print(
            f"-- /livez while {running} training jobs run, 4 connections: {len(times)} requests, median "
            f"{statistics.median(times) * 1000:.2f} ms, p99 {times[int(0.99 * len(times))] * 1000:.2f} ms, "
            f"longest {times[-1] * 1000:.2f} ms")
    finally:
        service.terminate()
        service.wait(30)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("crease")
    parser.add_argument("bench")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--parts", default="table,curves,hard,peers,segmented,live")
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("--trial")
    options = parser.parse_args()
    crease = Crease(options.bench, options.seconds)
    parts = {
        "table": lambda: table(crease, options.trial),
        "curves": lambda: curves(crease, options.pictures),
        "hard": lambda: hard(crease),
        "peers": lambda: peers(crease),
        "segmented": lambda: segmented(crease),
        "live": lambda: live(options.crease, min(options.seconds, 20)),
    }
    for part in options.parts.split(","):
        if part not in parts:
            sys.exit(f"no part {part}")
        parts[part]()


if __name__ == "__main__":
    main()
