"""Races over HTTP, each against its peers in the same run.

    http_races.py CREASE SIMDJSON_NUMBERS

CREASE is the service's executable, SIMDJSON_NUMBERS the program of simdjson_numbers.cpp. Needs nginx, wrk and curl.
"""

import json
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
CREASE, SIMDJSON = sys.argv[1], sys.argv[2]
JSON = {"Content-Type": "application/json"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_open(port):
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


class Process:
    """A server that runs while the `with` block does."""

    def __init__(self, port, command, **options):
        self.port = port
        self.command = command
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.options
        )
        wait_until_open(self.port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def resident(self):
        """Bytes of resident memory, and its peak since it was last asked to forget it."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return [int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024 for name in ("VmRSS", "VmHWM")]

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


def crease(*flags):
    port = free_port()
    return Process(port, [CREASE, "serve", "--port", str(port), "--access-log", "off", *flags])


def nginx(folder, answer):
    port = free_port()
    config = pathlib.Path(folder, "nginx.conf")
    config.write_text(
        f"""daemon off; worker_processes auto; error_log /dev/null; pid {folder}/nginx.pid;
        events {{ worker_connections 1024; }}
        http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body;
        proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
        server {{ listen 127.0.0.1:{port}; default_type application/json; location / {{ return 200 '{answer}'; }} }} }}"""
    )
    return Process(port, ["nginx", "-p", folder, "-c", str(config)])


def fastapi(workers):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "fastapi_service:app", "--port", str(port), "--workers", str(workers)]
    return Process(port, command + ["--no-access-log", "--log-level", "error"], cwd=HERE)


def post(port, path, body, headers=JSON, method="POST"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def wrk(port, body, seconds=4):
    """Requests a second and the 99th percentile in milliseconds, with 16 connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = json.dumps(body.decode())
        script.write(f'wrk.method = "POST"\nwrk.body = {quoted}\nwrk.headers["Content-Type"] = "application/json"\n')
        script.flush()
        command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", script.name]
        text = subprocess.run(
            command + [f"http://127.0.0.1:{port}/v1/evaluate"], capture_output=True, text=True, check=True
        ).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(text)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return rate, float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def network(widths, rng):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        weights = [[rng.uniform(-1, 1) for _ in range(inputs)] for _ in range(outputs)]
        layers.append({"weights": weights, "bias": [rng.uniform(-1, 1) for _ in range(outputs)]})
    return {"layers": layers}


def small_requests(folder):
    rng = random.Random(1)
    inline = json.dumps({"network": network([2, 16, 1], rng), "inputs": [[0.25, -0.5]]}).encode()
    named = json.dumps({"network": "small", "inputs": [[0.25, -0.5]]}).encode()
    inputs = json.dumps({"inputs": [[0.25, -0.5]]}).encode()
    with crease() as ours, fastapi(2) as theirs, fastapi(1) as theirs_by_default:
        post(ours.port, "/v1/networks/small", json.dumps(network([2, 16, 1], rng)).encode(), method="PUT")
        answer = post(ours.port, "/v1/evaluate", named)[1].decode()
        with nginx(folder, answer) as constant:
            racers = {
                "crease, stored network": (ours.port, named),
                "crease, network in the body": (ours.port, inline),
                "nginx, a constant of the same size": (constant.port, named),
                "fastapi + onnxruntime, 2 workers": (theirs.port, inputs),
                "fastapi + onnxruntime, 1 worker (uvicorn's default)": (theirs_by_default.port, inputs),
            }
            results = {name: [] for name in racers}
            for _ in range(7):
                for name, (port, body) in racers.items():
                    results[name].append(wrk(port, body, seconds=2))
    rates = {name: statistics.median(rate for rate, _ in runs) for name, runs in results.items()}
    for name, runs in results.items():
        print(f"  {name}: {rates[name]:,.0f} requests/s, p99 {statistics.median(p for _, p in runs):.2f} ms")
    for name in ("crease, stored network", "crease, network in the body"):
        # The median of the rounds' ratios: a machine that slows down for a while slows both.
        against = [
            statistics.median(ours[0] / other[0] for ours, other in zip(results[name], results[peer]))
            for peer in racers
            if not peer.startswith("crease")
        ]
        print(
            f"  {name}: {against[0]:.2f} of nginx, {against[1]:.1f} times fastapi with 2 workers, "
            f"{against[2]:.1f} times with 1"
        )


def timed(port, path, body_file):
    """Milliseconds of a whole exchange, the least of several."""
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", "-H", "Content-Type: application/json"]
    command += ["-H", "Expect:", "--data-binary", f"@{body_file}", f"http://127.0.0.1:{port}{path}"]
    times = []
    for _ in range(7):
        status, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        if status != "200":
            raise SystemExit(f"{path} answered {status}")
        times.append(float(seconds) * 1e3)
    return min(times)


def simdjson(what, file):
    return float(subprocess.run([SIMDJSON, what, file], capture_output=True, text=True, check=True).stdout)


def large_batch(folder):
    rng = random.Random(2)
    body = pathlib.Path(folder, "batch.json")
    rows = ",".join(f"[{rng.uniform(-1, 1)!r},{rng.uniform(-1, 1)!r}]" for _ in range(1_000_000))
    body.write_text(f'{{"network":{json.dumps(network([2, 64, 64, 1], rng))},"inputs":[{rows}]}}')
    threads = str(os.cpu_count())
    with crease() as service:
        ours = timed(service.port, "/v1/evaluate", body)
    text = subprocess.run(
        [sys.executable, HERE / "onnxruntime_evaluation.py", "2-64-64-1", "1000000", threads],
        capture_output=True, text=True, check=True,
    ).stdout
    compute = min(float(value) * 1e-6 for value in re.findall(r": (\d+) ns", text))
    parse = simdjson("parse", body)
    print(f"  evaluate 1,000,000 x 2 through 2-64-64-1 ({body.stat().st_size / 1e6:.1f} MB): {ours:.0f} ms")
    print(f"  onnxruntime, {threads} threads: {compute:.0f} ms; simdjson's parse: {parse:.0f} ms")
    print(f"  ratio to their sum: {ours / (compute + parse):.2f}")


def large_table(folder, name, row):
    body = pathlib.Path(folder, "table.json")
    points = ",".join(row(index) for index in range(1_000_000))
    body.write_text(f'{{"function":{{"kind":"piecewise-linear","outside":"constant","points":[{points}]}}}}')
    answer = pathlib.Path(folder, "answer.json")
    with crease() as service:
        status, content = post(service.port, "/v1/compile", body.read_bytes())
        if status != 200:
            raise SystemExit(content[:1000])
        answer.write_bytes(content)
        ours = timed(service.port, "/v1/compile", body)
    parse, write = simdjson("parse", body), simdjson("print", answer)
    print(f"  compile 1,000,000 breakpoints, {name} ({body.stat().st_size / 1e6:.1f} MB): {ours:.0f} ms")
    print(f"  simdjson's parse: {parse:.0f} ms; writing the answer's numbers: {write:.0f} ms")
    print(f"  ratio to their sum: {ours / (parse + write):.2f}")


def memory(folder):
    rng = random.Random(3)
    small = network([2, 16, 1], rng)
    wide = network([2, 64, 64, 1], rng)
    table = {"kind": "piecewise-linear", "outside": "constant", "points": [[i, rng.randint(0, 999)] for i in range(2000)]}
    line = network([1, 16, 16, 1], rng)
    requests = [
        ("POST", "/v1/evaluate", {"network": small, "inputs": [[0.25, -0.5]]}),
        ("POST", "/v1/evaluate", {"network": wide, "inputs": [[rng.random(), rng.random()] for _ in range(20000)]}),
        ("POST", "/v1/evaluate", {"network": small, "inputs": [["1/3", "2/7"]] * 50, "arithmetic": "exact"}),
        ("POST", "/v1/compile", {"function": table}),
        ("POST", "/v1/compile", {"function": table, "arithmetic": "exact"}),
        ("POST", "/v1/pieces", {"network": line, "list": {"limit": 1000}}),
        ("POST", "/v1/algebra", {"operation": "shallow", "networks": [line]}),
        ("PUT", "/v1/networks/bench", wide),
        ("DELETE", "/v1/networks/bench", None),
        ("POST", "/v1/evaluate", {"network": "missing", "inputs": [[1]]}),
    ]
    encoded = [(method, path, json.dumps(body).encode() if body is not None else None) for method, path, body in requests]
    with crease() as service:
        wait_until_open(service.port)
        start = service.resident()[0]
        for index in range(10_000):
            method, path, body = encoded[index % len(encoded)]
            post(service.port, path, body, method=method)
        time.sleep(2)
        end = service.resident()[0]
        print(f"  resident at start {start / 1e6:.1f} MB, after 10,000 mixed requests {end / 1e6:.1f} MB: {end / start:.2f}")
        for name, file, path in (("evaluate", "batch.json", "/v1/evaluate"), ("compile", "table.json", "/v1/compile")):
            body = pathlib.Path(folder, file).read_bytes()
            before = service.resident()[0]
            service.forget_peak()
            post(service.port, path, body)
            peak = service.resident()[1]
            print(f"  {name} of {len(body) / 1e6:.1f} MB held at most {(peak - before) / len(body):.1f} times its body")
        time.sleep(2)
        print(f"  resident afterwards {service.resident()[0] / 1e6:.1f} MB")


def main():
    with tempfile.TemporaryDirectory() as folder:
        small_requests(folder)
        large_batch(folder)
        rng = random.Random(4)
        large_table(folder, "binary64 samples", lambda i: f"[{i / 1000!r},{rng.uniform(-1, 1)!r}]")
        large_table(folder, "decimals", lambda i: f"[{i},{rng.randint(-99999, 99999) / 100}]")
        memory(folder)


main()
