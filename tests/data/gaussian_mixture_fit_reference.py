#!/usr/bin/env python3
"""Makes gaussian_mixture_fit_reference.hpp: steps of expectation-maximisation by the formulas of scikit-learn 1.5's
sklearn/mixture/_gaussian_mixture.py, in plain floats: _estimate_gaussian_parameters (M step, with reg_covar = 0, and nk
with 10 epsilon), _estimate_log_gaussian_prob by the Cholesky factor of the precision, and _e_step.

    gaussian_mixture_fit_reference.py > gaussian_mixture_fit_reference.hpp
    gaussian_mixture_fit_reference.py check    compare these formulas with scikit-learn itself

Samples are points of three overlapping clouds from a linear congruential generator. The start puts sample i into the
component i mod 3 by 0.6 and into the others by 0.2.
"""
import math
import sys

N, D, M, STEPS = 24, 3, 3, 5
EPSILON = 2.0 ** -52


def samples():
    state, numbers = 12345, []
    for _ in range(N * D * 4):
        state = (1103515245 * state + 12345) % 2 ** 31
        numbers.append(state / 2 ** 31 - 0.5)
    x = []
    for i in range(N):
        z = [sum(numbers[4 * (D * i + j):4 * (D * i + j) + 4]) for j in range(D)]
        k = i % 3
        centre = [[0.0, 0.0, 0.0], [1.5, 0.5, -1.0], [-1.0, 2.0, 0.5]][k]
        x.append([round(centre[0] + z[0], 3), round(centre[1] + 0.5 * z[0] + 0.7 * z[1], 3),
                  round(centre[2] + (0.3 + 0.4 * k) * z[2], 3)])
    return x


def covariance_full(resp, x, nk, mean, k):
    return [[sum(r[k] * (s[a] - mean[a]) * (s[b] - mean[b]) for r, s in zip(resp, x)) / nk for b in range(D)]
            for a in range(D)]


def covariance_diagonal(resp, x, nk, mean, k):
    variances = [sum(r[k] * s[a] ** 2 for r, s in zip(resp, x)) / nk - mean[a] ** 2 for a in range(D)]
    return [[variances[a] if a == b else 0.0 for b in range(D)] for a in range(D)]


# By scikit-learn's names.
KINDS = [("full", covariance_full), ("diag", covariance_diagonal)]


def m_step(x, resp, covariance):
    nk = [sum(r[k] for r in resp) + 10 * EPSILON for k in range(M)]
    means = [[sum(r[k] * s[a] for r, s in zip(resp, x)) / nk[k] for a in range(D)] for k in range(M)]
    covariances = [covariance(resp, x, nk[k], means[k], k) for k in range(M)]
    weights = [value / sum(nk) for value in nk]
    return weights, means, covariances


def cholesky(a):
    lower = [[0.0] * D for _ in range(D)]
    for i in range(D):
        for j in range(i + 1):
            left = a[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = math.sqrt(left) if i == j else left / lower[j][j]
    return lower


def inverse_of_lower(lower):
    inverse = [[0.0] * D for _ in range(D)]
    for column in range(D):
        for i in range(column, D):
            right = (1.0 if i == column else 0.0) - sum(lower[i][k] * inverse[k][column] for k in range(column, i))
            inverse[i][column] = right / lower[i][i]
    return inverse


def e_step(x, weights, means, covariances):
    factors = [inverse_of_lower(cholesky(c)) for c in covariances]  # transposed: the precisions' Cholesky factors
    resp, total = [], 0.0
    for s in x:
        log_probs = []
        for k in range(M):
            y = [sum(factors[k][i][j] * (s[j] - means[k][j]) for j in range(D)) for i in range(D)]
            log_det = sum(math.log(factors[k][i][i]) for i in range(D))
            log_probs.append(-0.5 * (D * math.log(2 * math.pi) + sum(v * v for v in y)) + log_det
                             + math.log(weights[k]))
        largest = max(log_probs)
        norm = largest + math.log(sum(math.exp(v - largest) for v in log_probs))
        resp.append([math.exp(v - norm) for v in log_probs])
        total += norm
    return total / len(x), resp


def start_responsibilities():
    return [[0.6 if k == i % M else 0.2 for k in range(M)] for i in range(N)]


def fitted(x, covariance):
    resp = start_responsibilities()
    parameters = m_step(x, resp, covariance)
    bound, resp = e_step(x, *parameters)
    bounds = [bound]
    for _ in range(STEPS):
        parameters = m_step(x, resp, covariance)
        bound, resp = e_step(x, *parameters)
        bounds.append(bound)
    return bounds, parameters


def check():
    """Exits with a message unless the formulas above give what scikit-learn's own steps do, to 1e-12."""
    import numpy as np
    import sklearn
    from sklearn.mixture import GaussianMixture

    x = np.array(samples())
    for kind, covariance in KINDS:
        model = GaussianMixture(n_components=M, covariance_type=kind, reg_covar=0.0)
        model._initialize(x, np.array(start_responsibilities()))
        bounds = []
        for step in range(STEPS + 1):
            if step > 0:
                model._m_step(x, log_resp)
            bound, log_resp = model._e_step(x)
            bounds.append(bound)
        ours, (weights, means, covariances) = fitted(samples(), covariance)
        theirs = model.covariances_ if kind == "full" else [np.diag(v) for v in model.covariances_]
        for name, a, b in [("log-likelihoods", ours, bounds), ("weights", weights, model.weights_),
                           ("means", means, model.means_), ("covariances", covariances, theirs)]:
            difference = np.abs(np.array(a) - np.array(b)).max()
            if not difference < 1e-12:
                sys.exit(f"{kind} covariances: the {name} differ from scikit-learn's by {difference}")
    print(f"the formulas are those of scikit-learn {sklearn.__version__} to 1e-12")


def column(values):
    return ", ".join(map(repr, values))


def main():
    x = samples()
    print("#pragma once\n\n// Made by gaussian_mixture_fit_reference.py.\n\n#include <vector>\n")
    print("namespace diffarch::test::mixture_fit {\n")
    print("/// Values in the order of memory: samples and means column by column, covariances one after the other.")
    print(f"inline const std::vector<double> samples{{{column(v for s in x for v in s)}}};")
    for kind, covariance in KINDS:
        name = "full" if kind == "full" else "diagonal"
        bounds, (weights, means, covariances) = fitted(x, covariance)
        print(f"inline const std::vector<double> {name}_log_likelihoods{{{column(bounds)}}};")
        print(f"inline const std::vector<double> {name}_weights{{{column(weights)}}};")
        print(f"inline const std::vector<double> {name}_means{{{column(v for m in means for v in m)}}};")
        print(f"inline const std::vector<double> {name}_covariances"
              f"{{{column(v for c in covariances for row in c for v in row)}}};")
    print("\n}  // namespace diffarch::test::mixture_fit")


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        main()
