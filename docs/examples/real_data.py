#!/usr/bin/env python3
"""Trains on data that people know, with a running service, and prints what is proved.

Usage: real_data.py [--url http://127.0.0.1:8080] [--local] [--pictures DIRECTORY]

--local also fits the last example a hundred times by local training (scikit-learn's MLPRegressor, which must be
installed). Otherwise the standard library is enough. data/README.md says where the data come from.
"""
import argparse
import csv
import json
import pathlib
import urllib.request

DATA = pathlib.Path(__file__).parent / "data"


def read(name, *columns):
    with open(DATA / name, newline="") as file:
        rows = list(csv.DictReader(file))
    return [[float(row[column]) for row in rows] for column in columns]


def standardised(values):
    mean = sum(values) / len(values)
    deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    return [(value - mean) / deviation for value in values]


class Service:
    def __init__(self, url):
        self.url = url

    def get(self, path, accept="application/json"):
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def train(self, **members):
        """The finished job of a training request."""
        request = urllib.request.Request(
            self.url + "/v1/train", json.dumps(members).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            job = json.load(answer)
        while job["status"] in ("queued", "running"):
            job = json.loads(self.get(job["links"]["self"] + "?wait=60"))
        if "result" not in job:
            raise SystemExit(f"{job['status']}: {job.get('problem')}")
        return job


def tell(name, job):
    result = job["result"]
    proved = "proved optimal" if result["optimal"] else f"lower bound {result['lowerBound']:.6g}"
    print(
        f"{name}: loss {result['loss']:.9g}, {proved}, gap {result['relativeGap']:.1e}, "
        f"{result['nodesExplored']} nodes, {result['elapsedSeconds']:.2f} s"
    )
    return result


def diabetes(service, save):
    """Efron, Hastie, Johnstone and Tibshirani's 442 patients: progression after a year against body mass index, and
    against it and the logarithm of triglycerides; standardised, two hidden units."""
    bmi, s5, progression = map(standardised, read("diabetes.csv", "bmi", "s5", "progression"))
    for name, inputs in (("bmi", [[x] for x in bmi]), ("bmi and s5", [list(x) for x in zip(bmi, s5)])):
        job = service.train(inputs=inputs, targets=progression, hiddenUnits=2)
        tell(f"diabetes, {name}, two hidden units", job)
        save(f"diabetes-{len(inputs[0])}", job)


def building(service, save):
    """A year of a building's daily electricity against outdoor temperature: heating below one balance point, cooling
    above another. Segmented regression of three pieces finds both."""
    temperature, energy = read("building-energy.csv", "temperature_f", "energy_kwh")
    job = service.train(inputs=[[x] for x in temperature], targets=energy, pieces=3)
    segments = tell("building energy, three pieces", job)["segments"]
    low, high = segments["breakpoints"]
    print(
        f"  balance points {low:.2f} and {high:.2f} degrees F; slopes "
        + ", ".join(f"{slope:.4f}" for slope in segments["slopes"])
        + f" kWh a day and degree; base load {segments['values'][0]:.3f} and {segments['values'][1]:.3f} kWh"
    )
    save("building-energy", job)


def motorcycle(service, save, with_local):
    """Head acceleration in a simulated motorcycle accident against time (Silverman 1985), standardised, four hidden
    units and a bias: data on which local training seldom ends where it should."""
    time, acceleration = map(standardised, read("motorcycle.csv", "time_ms", "acceleration_g"))
    job = service.train(inputs=[[x] for x in time], targets=acceleration, hiddenUnits=4, outputTerm="bias")
    result = tell("motorcycle, four hidden units", job)
    save("motorcycle", job)
    if not with_local:
        return
    import warnings

    from sklearn.neural_network import MLPRegressor

    warnings.filterwarnings("ignore")
    losses = []
    for seed in range(100):
        model = MLPRegressor(
            hidden_layer_sizes=(4,), alpha=0, solver="lbfgs", max_iter=5000, tol=1e-10, random_state=seed
        ).fit([[x] for x in time], acceleration)
        errors = [p - y for p, y in zip(model.predict([[x] for x in time]), acceleration)]
        losses.append(sum(e * e for e in errors) / len(errors))
    losses.sort()
    near = sum(loss <= 1.01 * result["loss"] for loss in losses)
    print(
        f"  L-BFGS from a hundred starts: best {losses[0]:.9g}, median {losses[50]:.9g}, {near} within a hundredth "
        f"of the optimum"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--pictures", type=pathlib.Path)
    options = parser.parse_args()
    service = Service(options.url)

    def save(name, job):
        if options.pictures:
            options.pictures.mkdir(parents=True, exist_ok=True)
            picture = service.get(job["links"]["self"], "image/svg+xml")
            (options.pictures / f"{name}.svg").write_bytes(picture)

    diabetes(service, save)
    building(service, save)
    motorcycle(service, save, options.local)


if __name__ == "__main__":
    main()
