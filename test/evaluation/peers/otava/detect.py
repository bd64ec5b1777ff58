"""Apache Otava at its defaults over many series. In: a JSON array of arrays of numbers; out: an array of the indices it finds."""
import json, sys
from otava.analysis import compute_change_points

found = []
for series in json.load(sys.stdin):
    changes, _ = compute_change_points(series)
    found.append([int(change.index) for change in changes])
json.dump(found, sys.stdout)
