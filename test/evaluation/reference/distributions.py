"""Reference numbers for analytics/stats, by SciPy, statsmodels and NumPy. Run: python distributions.py > distributions.json"""
import json, sys
import numpy as np, scipy, statsmodels
from scipy import special as sp, stats as st
from scipy.optimize import minimize_scalar
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import score_test_proportions_2indep


def difference_score(a, n, b, m, d):
    """By definition, with the constrained maximum found numerically (statsmodels' own is off in the third digit for d > 0)."""
    def loss(q):
        r = q + d
        return -(a * np.log(r) + (n - a) * np.log(1 - r) + b * np.log(q) + (m - b) * np.log(1 - q))
    q = minimize_scalar(loss, bounds=(1e-9, 1 - d - 1e-9), method='bounded', options=dict(xatol=1e-12)).x
    r = q + d
    return float((a / n - b / m - d) / np.sqrt((r * (1 - r) / n + q * (1 - q) / m) * (n + m) / (n + m - 1)))


beta = [(.3, 2, 5), (.01, 50, 3), (1 / 13, 5, 1), (.5, 1e5, 1.01e5), (.9, 2, 3), (.2, .5, .5), (1e-4, 3.5, 400)]
p = [1e-6, .0004, .003, .011, .02, .04, .3, .5, .9]
series = [1.0, -2, 3, .5, -1.5, 2, 1, -3, .25, -1.25]
out = dict(
    versions=dict(python=sys.version.split()[0], numpy=np.__version__, scipy=scipy.__version__, statsmodels=statsmodels.__version__),
    beta=[[x, a, b, float(sp.betainc(a, b, x))] for x, a, b in beta],
    gamma=[[a, x, float(sp.gammaincc(a, x))] for a, x in [(.5, .1), (3, 20), (100, 90), (10.5, 40)]],
    logGamma=[[x, float(sp.gammaln(x))] for x in (.1, .5, 5.5, 25, 1e5)],
    normalTail=[[z, float(st.norm.sf(z))] for z in (.5, 3, 8, 20, 37, -2)],
    normalQuantile=[[q, float(st.norm.isf(q))] for q in (.4, .025, 1e-10, 1e-200)],
    student=[[t, d, float(st.t.sf(t, d))] for t, d in [(2, 3), (8, 11), (15, 100), (-1, 5), (40, 2)]],
    studentQuantile=[[q, d, float(st.t.isf(q, d))] for q, d in [(.01, 3), (1e-6, 11), (.3, 50)]],
    midP=[[k1, k0, n1, n0, float(st.binom.sf(k1, k1 + k0, n1 / (n1 + n0)) + .5 * st.binom.pmf(k1, k1 + k0, n1 / (n1 + n0)))]
          for k1, k0, n1, n0 in [(5, 0, 2400, 28800), (12, 40, 2400, 28800), (100, 1000, 2400, 28800), (3, 9, 10, 10)]],
    miettinenNurminen=[[a, n, b, m,
                        float(score_test_proportions_2indep(a, n, b, m, compare='ratio', value=r, correction=True).statistic), r]
                       for a, n, b, m, r in [(30, 100, 50, 300, 1), (30, 100, 50, 300, 1.3), (80, 1000, 70, 1200, 1)]],
    miettinenNurminenDifference=[[a, n, b, m, difference_score(a, n, b, m, d), d]
                                 for a, n, b, m, d in [(30, 100, 50, 300, 0), (30, 100, 50, 300, .04), (30, 100, 50, 300, .23), (80, 1000, 70, 1200, .01)]],
    pValues=p,
    benjaminiHochberg=multipletests(p, method='fdr_bh')[1].tolist(),
    benjaminiYekutieli=multipletests(p, method='fdr_by')[1].tolist(),
    holm=multipletests(p, method='holm')[1].tolist(),
    wasserstein=float(st.wasserstein_distance([1, 2, 3, 4], [1, 2, 3, 4], [3, 1, 0, 2], [1, 1, 4, 2])),
    mannWhitney=float(st.mannwhitneyu([1, 1, 1, 2, 4, 4], [1, 2, 3, 3, 3, 3, 4, 4]).statistic / 48),
    series=series,
    neweyWest=float(OLS(series, np.ones(10)).fit(cov_type='HAC', cov_kwds=dict(maxlags=2)).cov_params()[0, 0] * 100),
)
print(json.dumps(out, indent=1))
