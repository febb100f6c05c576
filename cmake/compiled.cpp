// The library diffarch::compiled: what headers declare `extern template` where DIFFARCH_COMPILED is defined.

#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/gaussian_denoiser.hpp"
#include "diffarch/solver/linear_algebra.hpp"

DIFFARCH_COMPILED_EIGENVALUES();

namespace diffarch {

template <int alignment>
bool detail::compiled_for() {
  return true;
}
template bool detail::compiled_for<EIGEN_MAX_ALIGN_BYTES>();

DIFFARCH_COMPILED_ALGEBRA(, float);
DIFFARCH_COMPILED_ALGEBRA(, double);

template class GaussianMixture<double>;
template class GaussianDenoiser<Cpu, float>;
template class GaussianDenoiser<Cpu, double>;
template Batch<float> match_moments(const Batch<float>&, const Vector<double>&, const Matrix<float>&,
                                    const Vector<double>&);
template Batch<double> match_moments(const Batch<double>&, const Vector<double>&, const Matrix<double>&,
                                     const Vector<double>&);

}  // namespace diffarch
