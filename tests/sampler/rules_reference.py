#!/usr/bin/env python3
"""Makes rules_reference.hpp: trajectories of sampler rules, from the formulas of their papers: z before every call of the
denoiser that begins a step.

    rules_reference.py > rules_reference.hpp

The formulas are written in z = y / signal and sigma, as the papers have them, in plain floats; the library has them in y,
signal and noise. The denoiser is the posterior mean of the two points -1 and 1, D(z, sigma) = tanh(z / sigma^2). Noise is
a list of numbers, one for each step.
"""
import math

SIGMAS = [8.0, 5.0, 3.5, 2.0, 1.1, 0.7, 0.4, 0.15, 0.0]
START = 6.5
NOISE = [0.3, -1.2, 0.7, 0.05, -0.4, 1.6, -0.9, 0.2]


def denoise(z, sigma):
    return math.tanh(z / sigma ** 2)


def dpm_solver_2m(eta):
    """Lu et al. 2022, DPM-Solver++, algorithm 2, in half the logarithm of the signal-to-noise ratio lambda = -log sigma."""
    z, before, lambda_before, course = START, None, None, []
    for k, (s, t) in enumerate(zip(SIGMAS, SIGMAS[1:])):
        course.append(z)
        x0 = denoise(z, s)
        if t == 0.0:
            return course
        lambda_s, lambda_t = -math.log(s), -math.log(t)
        h = lambda_t - lambda_s
        d = x0
        if before is not None:
            r = (lambda_s - lambda_before) / h
            d = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * before
        z = (t / s) * math.exp(-eta * h) * z + (1 - math.exp(-(1 + eta) * h)) * d
        z += t * math.sqrt(1 - math.exp(-2 * eta * h)) * NOISE[k]
        before, lambda_before = x0, lambda_s


def integral_of_polynomial(nodes, values, a, b):
    """Of the polynomial through the points, by its coefficients (Newton's divided differences, multiplied out)."""
    coefficients = list(values)
    n = len(nodes)
    for j in range(1, n):
        for i in range(n - 1, j - 1, -1):
            coefficients[i] = (coefficients[i] - coefficients[i - 1]) / (nodes[i] - nodes[i - j])
    polynomial = [0.0]
    for i in range(n - 1, -1, -1):  # Horner
        shifted = [0.0] + polynomial
        for m, c in enumerate(polynomial):
            shifted[m] -= nodes[i] * c
        shifted[0] += coefficients[i]
        polynomial = shifted
    return sum(c * (b ** (m + 1) - a ** (m + 1)) / (m + 1) for m, c in enumerate(polynomial))


def adams_bashforth(order):
    z, nodes, slopes, course = START, [], [], []
    for s, t in zip(SIGMAS, SIGMAS[1:]):
        course.append(z)
        x0 = denoise(z, s)
        if t == 0.0:
            return course
        nodes, slopes = (nodes + [s])[-order:], (slopes + [(z - x0) / s])[-order:]
        z += integral_of_polynomial(nodes, slopes, s, t)


def gradient_estimation(gamma):
    """Permenter and Yuan 2024, algorithm 2."""
    z, before, course = START, None, []
    for s, t in zip(SIGMAS, SIGMAS[1:]):
        course.append(z)
        x0 = denoise(z, s)
        if t == 0.0:
            return course
        epsilon = (z - x0) / s
        average = epsilon if before is None else gamma * epsilon + (1 - gamma) * before
        z += (t - s) * average
        before = epsilon


def edm_stochastic(churn, lowest, highest):
    """Karras et al. 2022, algorithm 2, with S_noise = 1."""
    z, steps, course = START, len(SIGMAS) - 1, []
    for k, (s, t) in enumerate(zip(SIGMAS, SIGMAS[1:])):
        gamma = min(churn / steps, math.sqrt(2) - 1) if lowest <= s <= highest else 0.0
        raised = s * (1 + gamma)
        z += math.sqrt(raised ** 2 - s ** 2) * NOISE[k]
        course.append(z)
        slope = (z - denoise(z, raised)) / raised
        euler = z + (t - raised) * slope
        if t == 0.0:
            return course
        z += (t - raised) * 0.5 * (slope + (euler - denoise(euler, t)) / t)


def euler_maruyama():
    """Song et al. 2021, eq. 6, with sigma as the time; the last step is the prediction."""
    z, course = START, []
    for k, (s, t) in enumerate(zip(SIGMAS, SIGMAS[1:])):
        course.append(z)
        x0 = denoise(z, s)
        if t == 0.0:
            return course
        z += 2 * (t - s) * (z - x0) / s + math.sqrt(2 * s * (s - t)) * NOISE[k]


def main():
    print("#pragma once\n\n// Made by rules_reference.py.\n\n#include <vector>\n\nnamespace diffarch::test::rules {\n")
    print(f"inline const std::vector<double> sigmas{{{', '.join(map(repr, SIGMAS))}}};")
    print(f"inline const std::vector<double> noise{{{', '.join(map(repr, NOISE))}}};")
    print(f"inline constexpr double start = {START!r};")
    for name, value in [("dpm_solver_2m", dpm_solver_2m(0.0)), ("dpm_solver_2m_sde", dpm_solver_2m(1.0)),
                        ("dpm_solver_2m_half", dpm_solver_2m(0.5)),
                        ("adams_bashforth_1", adams_bashforth(1)), ("adams_bashforth_2", adams_bashforth(2)),
                        ("adams_bashforth_3", adams_bashforth(3)), ("adams_bashforth_4", adams_bashforth(4)),
                        ("gradient_estimation_2", gradient_estimation(2.0)),
                        ("edm_stochastic", edm_stochastic(3.0, 0.5, 6.0)), ("euler_maruyama", euler_maruyama())]:
        print(f"inline const std::vector<double> {name}{{{', '.join(map(repr, value))}}};")
    print("\n}  // namespace diffarch::test::rules")


if __name__ == "__main__":
    main()
