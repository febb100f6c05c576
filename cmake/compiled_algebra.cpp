// The library diffarch::compiled: what headers declare `extern template` where DIFFARCH_COMPILED is defined. Here that
// of solver/, in compiled_models.cpp the rest.

#include "diffarch/solver/bounded_least_squares.hpp"
#include "diffarch/solver/hermite_features.hpp"
#include "diffarch/solver/linear_algebra.hpp"
#include "diffarch/solver/power_features.hpp"
#include "diffarch/solver/singular_values.hpp"
#include "diffarch/solver/symmetric_eigen.hpp"
#include "diffarch/solver/symmetric_solve.hpp"

namespace diffarch {

template <int alignment>
bool detail::compiled_for() {
  return true;
}
template bool detail::compiled_for<EIGEN_MAX_ALIGN_BYTES>();

DIFFARCH_COMPILED_ALGEBRA(, float);
DIFFARCH_COMPILED_ALGEBRA(, double);
template Vector<double> detail::symmetric_eigenvalues(Matrix<double>, const char*, Matrix<double>*);
template Vector<double> singular_values(const Matrix<float>&);
template Vector<double> singular_values(const Matrix<double>&);
template SymmetricSolution<long double> solve_symmetric(const Matrix<long double>&, const Matrix<long double>&);
template Vector<double> bounded_least_squares<Cpu>(const Matrix<double>&, const Vector<double>&, Index);
template HermiteFeatureMoments<double> hermite_feature_moments<Cpu>(const Matrix<double>&, const Matrix<double>&, int);
template PowerFeatureMoments<double> power_feature_moments(const Matrix<double>&, const Matrix<double>&, int);

}  // namespace diffarch
