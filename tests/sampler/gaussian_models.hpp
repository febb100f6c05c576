#pragma once

// Models of the linear family with given eigenvalues, for tests of what samplers do to each eigenmode.

#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"
#include "tested_backend.hpp"

namespace diffarch::test {

/// N(mean, diag(eigenvalues)) with the unit vectors as modes; eigenvalues decreasing.
template <class Scalar = double>
[[nodiscard]] GaussianDenoiser<TestedBackend, Scalar> diagonal_model(const Vector<double>& mean,
                                                                     const Vector<double>& eigenvalues) {
  const Index d = mean.size();
  const Index modes = eigenvalues.size();
  return GaussianDenoiser<TestedBackend, Scalar>(
      PrincipalComponents<Scalar, TestedBackend>{mean, eigenvalues, upload(Matrix<Scalar>::Identity(d, modes)), modes});
}

[[nodiscard]] inline GaussianDenoiser<TestedBackend, double> diagonal_model(const Vector<double>& eigenvalues) {
  return diagonal_model<double>(Vector<double>::Zero(eigenvalues.size()), eigenvalues);
}

}  // namespace diffarch::test
