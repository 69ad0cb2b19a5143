"""How fast requests are answered while two training jobs use every core, and how fast jobs end.

usage: training_latency.py EXECUTABLE

The same requests are timed with and without the jobs in the same run; the last lines time `:cancel` and the time limit.
"""

import http.client
import json
import pathlib
import random
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REQUESTS = 4000


def start(executable):
    process = subprocess.Popen(
        [executable, "serve", "--port", "0", "--access-log", "off"], stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if '"listening"' in line:
            return process, int(re.search(r'"port":"(\d+)"', line).group(1))
    raise SystemExit("the service did not start")


def call(connection, method, path, body=None):
    connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    return answer.status, json.loads(data) if data.startswith(b"{") else None


def hard_problem():
    """Noise in three dimensions: no search ends this in minutes."""
    generator = random.Random(3)
    rows = [[generator.gauss(0, 1) for _ in range(3)] for _ in range(400)]
    return {"inputs": rows, "targets": [generator.gauss(0, 1) for _ in rows], "hiddenUnits": 4}


def latencies(port):
    """Milliseconds of GET /livez, half over one connection and half over new ones, about one every millisecond."""
    kept = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for index in range(REQUESTS):
        connection = kept if index % 2 == 0 else http.client.HTTPConnection("127.0.0.1", port)
        begin = time.perf_counter()
        status, _ = call(connection, "GET", "/livez")
        times.append(1000 * (time.perf_counter() - begin))
        assert status == 200
        if connection is not kept:
            connection.close()
        time.sleep(0.001)
    return sorted(times)


def tell(name, times):
    print(
        f"{name}: p50 {times[len(times) // 2]:.2f} ms, p99 {times[len(times) * 99 // 100]:.2f} ms, "
        f"p99.9 {times[len(times) * 999 // 1000]:.2f} ms, largest {times[-1]:.2f} ms"
    )


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main():
    process, port = start(sys.argv[1])
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        tell("/livez, no jobs", latencies(port))
        jobs = [call(connection, "POST", "/v1/train", hard_problem() | {"seed": seed})[1]["id"] for seed in (1, 2)]
        time.sleep(1)
        begin, used = time.perf_counter(), cpu_seconds(process)
        tell("/livez, two training jobs", latencies(port))
        cores = (cpu_seconds(process) - used) / (time.perf_counter() - begin)
        print(f"processors used by the service meanwhile: {cores:.2f}")
        for job in jobs:
            begin = time.perf_counter()
            call(connection, "POST", f"/v1/jobs/{job}:cancel")
            state = call(connection, "GET", f"/v1/jobs/{job}?wait=30")[1]
            print(
                f"cancelled after {1000 * (time.perf_counter() - begin):.0f} ms: {state['status']}, "
                f"gap {state['result']['relativeGap']:.3f}, {state['result']['nodesExplored']} nodes"
            )
        job = call(connection, "POST", "/v1/train", hard_problem() | {"timeLimitSeconds": 1})[1]["id"]
        state = call(connection, "GET", f"/v1/jobs/{job}?wait=30")[1]
        print(
            f"time limit of 1 s: {state['status']}, optimal {state['result']['optimal']}, "
            f"after {state['result']['elapsedSeconds']:.3f} s"
        )
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
