#!/bin/bash
# Every benchmark: in-process ones beside their peers, then races over HTTP. Needs the release build (`make bench`
# makes it). Usage: run.sh [SECTION]...; sections: arithmetic evaluation compilation counting pieces approximation
# training http; all by default. Section pieces also times programs for the same cells whose C++ sources
# CREASE_PEER_CELLS (by rays) and CREASE_PEER_PROGRAMS (by linear programs) name, and section training a branch and bound
# with Eigen that CREASE_PEER_TRAINING names.
set -euo pipefail
cd "$(dirname "$0")/.."

bench=$PWD/.build/release/crease-bench
peers=.build/peers
mkdir -p "$peers"

# Peers from PyPI, in an environment of their own.
if [ ! -x "$peers/python/bin/uvicorn" ]; then
    python3 -m venv "$peers/python"
    "$peers/python/bin/pip" install --quiet --disable-pip-version-check \
        pwlf==2.7.0 scipy==1.17.1 simplification==2.0.0 numpy==2.3.4 onnx==1.19.1 onnxruntime==1.23.2 fastapi==0.120.0 'uvicorn[standard]==0.38.0'
fi
g++ -O3 -march=native -std=c++17 Benchmarks/Races/simdjson_numbers.cpp -lsimdjson -o "$peers/simdjson_numbers"

sections=("$@")
[ $# -gt 0 ] || sections=(arithmetic evaluation compilation counting pieces approximation training http)
for section in "${sections[@]}"; do
    echo "== $section"
    case "$section" in
    arithmetic)
        "$bench" rationals
        gcc -O3 -march=native Benchmarks/Races/gmp_against_flint.c -lflint -lgmp -o "$peers/gmp_against_flint" && "$peers/gmp_against_flint"
        ;;
    evaluation)
        for network in 2-16-1 2-64-64-1; do
            "$bench" evaluate $network 1000000 2
            "$peers/python/bin/python" Benchmarks/Races/onnxruntime_evaluation.py $network 1000000 2
        done
        ;;
    compilation)
        "$bench" compile-table 1000000
        for threads in 1 2; do
            for objective in size depth; do
                for shape in "100 2" "100 3" "40 4" "100 4"; do
                    "$bench" compile-maximum $shape $objective threads=$threads
                done
                "$bench" compile-delaunay 2000 $objective threads=$threads
                for shape in "64 2" "6 3" "3 4"; do
                    "$bench" compile-map $shape $objective threads=$threads
                done
            done
            "$bench" compile-map 12 3 size threads=$threads
        done
        ;;
    counting)
        "$bench" count-line 16 3
        "$bench" count-sawtooth 5 43
        "$bench" count-wide 100000
        ;;
    pieces)
        [ -z "${CREASE_PEER_CELLS:-}" ] || g++ -O2 -march=native "$CREASE_PEER_CELLS" -o "$peers/cells"
        for row in "2-32-32-1 1" "2-64-64-1 1" "3-32-32-32-1 1" "4-16-16-1 1"; do
            read -r network side <<<"$row"
            for threads in 1 2; do "$bench" count-space "$network" "$side" $threads 10 "$peers/network.txt"; done
            [ -z "${CREASE_PEER_CELLS:-}" ] || "$peers/cells" "$peers/network.txt" "$side"
        done
        # All of R^n, where relucent counts the same.
        "$bench" count-space 2-32-32-1 0 1 10 "$peers/network.txt"
        if [ ! -x "$peers/relucent/bin/python" ]; then
            python3 -m venv "$peers/relucent"
            "$peers/relucent/bin/pip" install --quiet --disable-pip-version-check relucent==1.0.0
        fi
        "$peers/relucent/bin/python" Benchmarks/Races/relucent_pieces.py "$peers/network.txt"
        # More inputs, by linear programs.
        [ -z "${CREASE_PEER_PROGRAMS:-}" ] || g++ -O2 -march=native "$CREASE_PEER_PROGRAMS" -o "$peers/programs"
        for network in 5-8-8-1 8-12-1; do
            for threads in 1 2; do "$bench" count-space $network 10000 $threads 10 "$peers/network.txt"; done
            [ -z "${CREASE_PEER_PROGRAMS:-}" ] || "$peers/programs" "$peers/network.txt" 10000
            "$bench" count-space $network 0 1 10
            "$peers/relucent/bin/python" Benchmarks/Races/relucent_pieces.py "$peers/network.txt"
        done
        # Growth.
        for network in 2-100-1 2-1000-1 2-4472-1 2-400-400-1 3-32-32-1 3-64-64-64-1 4-24-24-1; do
            "$bench" count-space $network 0 2 1
        done
        ;;
    approximation)
        "$peers/python/bin/python" Benchmarks/Races/approximation_races.py .build/release/crease
        ;;
    training)
        if ! "$peers/python/bin/python" -c 'import gurobipy, matplotlib, pyscipopt, sklearn' 2>/dev/null; then
            "$peers/python/bin/pip" install --quiet --disable-pip-version-check \
                scikit-learn==1.7.2 PySCIPOpt==6.3.0 gurobipy==13.0.3 matplotlib==3.11.2
        fi
        trial=()
        if [ -n "${CREASE_PEER_TRAINING:-}" ]; then
            g++ -O3 -march=native -I/usr/include/eigen3 "$CREASE_PEER_TRAINING" -o "$peers/training"
            trial=(--trial "$peers/training")
        fi
        "$peers/python/bin/python" Benchmarks/Races/training_races.py .build/release/crease "$bench" \
            --pictures docs/pictures "${trial[@]}"
        ;;
    http) "$peers/python/bin/python" Benchmarks/Races/http_races.py .build/release/crease "$peers/simdjson_numbers" ;;
    *)
        echo "no section $section" >&2
        exit 2
        ;;
    esac
done
