"""Prints what scipy makes of the differences in src/evaluation/significance_test.cc.

Usage: python make_wilcoxon_golden.py      (scipy >= 1.13)
"""

import numpy as np
import scipy
from scipy.stats import PermutationMethod, wilcoxon


def differences(n, zeros, levels, shift):
    """The same few lines are in the test: a linear congruential generator, values on a grid."""
    state = 12345
    values = []
    for i in range(n):
        state = (1103515245 * state + 12345) % 2147483648
        value = (state // 65536) % levels - levels // 2 + shift
        values.append(0.0 if i % (n // zeros if zeros else n + 1) == 0 and zeros else float(value))
    return np.array(values)


print("scipy", scipy.__version__)
for name, d, method in [
    ("exact, no ties", np.array([1.5, -0.3, 2.2, 0.7, -1.1, 3.4, 0.2, -2.9, 4.1, 5.0]), "exact"),
    ("exact, ties and zeros", np.array([1, -1, 2, 0, 2, 3, -2, 0, 4, 1, -3, 5.0]),
     PermutationMethod(n_resamples=10**9)),
    ("approximation, n 200", differences(200, 40, 21, 1), "approx"),
    ("approximation, n 1000", differences(1000, 500, 101, 3), "approx"),
    ("approximation, no zeros", differences(60, 0, 1001, 40), "approx"),
]:
    result = wilcoxon(d, zero_method="pratt", correction=False, method=method)
    print(name, "statistic", repr(float(result.statistic)), "p", repr(float(result.pvalue)),
          "z", repr(getattr(result, "zstatistic", None)), "zeros", int((d == 0).sum()))
