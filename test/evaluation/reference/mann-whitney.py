"""Reference for test/evaluation/peers/kayenta.ts, in plain Python: ranks by definition, the normal approximation with ties and continuity
correction, interval and estimate by scanning for the sign change. python3 mann-whitney.py > mann-whitney.json"""

import json
import math
import random
from statistics import NormalDist


def z(control, experiment, shift):
    x = [value - shift for value in experiment]
    everything = x + control
    ranks = [sum(o < v for o in everything) + (sum(o == v for o in everything) + 1) / 2 for v in x]
    n, m = len(x), len(control)
    d = sum(ranks) - n * (n + 1) / 2 - n * m / 2
    ties = sum(everything.count(v) ** 3 - everything.count(v) for v in set(everything))
    sigma = math.sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
    return (d - 0.5 * ((d > 0) - (d < 0))) / sigma


def root(control, experiment, quantile):
    low, high = min(experiment) - max(control), max(experiment) - min(control)
    for _ in range(200):
        middle = (low + high) / 2
        if z(control, experiment, middle) > quantile:
            low = middle
        else:
            high = middle
    return (low + high) / 2


random.seed(7)
cases = []
for shift in (0.0, 0.4, 1.5, -2.0):
    control = [round(random.gauss(5, 1), 3) for _ in range(15)]
    experiment = [round(random.gauss(5 + shift, 1.4), 3) for _ in range(12)]
    cases.append((control, experiment))
cases.append(([1, 2, 2, 3, 3, 3, 4, 5, 5, 6, 7, 7], [3, 4, 4, 5, 6, 6, 7, 8, 8, 8, 9, 12]))
q = NormalDist().inv_cdf(0.99)
print(json.dumps([
    {
        "control": control,
        "experiment": experiment,
        "z": z(control, experiment, 0),
        "estimate": root(control, experiment, 0),
        "low": root(control, experiment, q),
        "high": root(control, experiment, -q),
    }
    for control, experiment in cases
]))
