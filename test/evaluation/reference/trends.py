"""Reference numbers for trends and change points, by statsmodels (STL), SciPy (Theil-Sen), pymannkendall and ruptures.
Run: python trends.py > trends.json"""
import json, sys
from importlib.metadata import version
import numpy as np, pymannkendall as mk, ruptures as rpt
from scipy.stats import theilslopes
from statsmodels.tsa.seasonal import STL

rng = np.random.default_rng(20)
n = 84
weekly = 10 + .05 * np.arange(n) + np.tile([0, 1, 2, 1, 0, -2, -2], 12) + rng.normal(0, .5, n)
weekly[30] += 8
robust = STL(weekly, 7, robust=True).fit(inner_iter=2, outer_iter=5)
plain = STL(weekly, 7, robust=False).fit(inner_iter=5, outer_iter=0)

ar = np.zeros(80)
for i in range(1, 80):
    ar[i] = .6 * ar[i - 1] + rng.normal()
ar += .02 * np.arange(80)
tied = np.round(ar)
original = [mk.original_test(x) for x in (ar, tied)]
hamed = [mk.hamed_rao_modification_test(x) for x in (ar, tied)]
correlated = mk.correlated_seasonal_test(weekly, period=7)
slope, intercept, low, high = theilslopes(ar, np.arange(80), alpha=.95)

steps = np.concatenate([rng.normal(0, 1, 40), rng.normal(3, 1, 30), rng.normal(-1, 1, 50)])
levels = [rpt.Dynp(model='l2', min_size=5, jump=1).fit(steps).predict(n_bkps=k)[:-1] for k in (1, 2, 3, 4)]
lines = np.concatenate([.1 * np.arange(40), 4 - .2 * np.arange(30), -2 + .05 * np.arange(40)]) + rng.normal(0, .3, 110)
design = np.column_stack([lines, np.arange(110), np.ones(110)])
slopes = [rpt.Dynp(model='linear', min_size=5, jump=1).fit(design).predict(n_bkps=k)[:-1] for k in (1, 2, 3)]

json.dump(dict(
    versions=dict(python=sys.version.split()[0], **{name: version(name) for name in ('numpy', 'scipy', 'statsmodels', 'pymannkendall', 'ruptures')}),
    weekly=list(weekly),
    stlRobust=dict(season=list(robust.seasonal), trend=list(robust.trend), weights=list(robust.weights)),
    stlPlain=dict(season=list(plain.seasonal), trend=list(plain.trend)),
    ar=list(ar), tied=list(tied),
    mannKendall=[[float(t.s), float(t.var_s), float(t.p)] for t in original],
    hamedRao=[[float(t.s), float(t.var_s), float(t.p)] for t in hamed],
    seasonal=[float(correlated.s), float(correlated.var_s), float(correlated.p)],
    theilSen=[float(slope), float(intercept), float(low), float(high)],
    steps=list(steps), levels=[[int(i) for i in k] for k in levels],
    lines=list(lines), slopes=[[int(i) for i in k] for k in slopes],
), sys.stdout)
