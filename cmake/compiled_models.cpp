// See compiled_algebra.cpp.

#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/analysis/neighbour_search.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"
#include "diffarch/nn/kernels/eigen_kernels.hpp"

namespace diffarch {

template void nn::detail::eigen_product(bool, bool, Index, Index, Index, const float*, Index, const float*, Index, bool,
                                        float*, Index);
template void nn::detail::eigen_product(bool, bool, Index, Index, Index, const double*, Index, const double*, Index,
                                        bool, double*, Index);
template class NeighbourSearch<float>;
template class NeighbourSearch<double>;
template class GaussianMixture<float>;
template class GaussianMixture<double>;
template class GaussianDenoiser<Cpu, float>;
template class GaussianDenoiser<Cpu, double>;
template GaussianAgreement detail::gaussian_agreement(const Batch<float>&, const Vector<double>&, const Matrix<float>&,
                                                      const Vector<double>&);
template GaussianAgreement detail::gaussian_agreement(const Batch<double>&, const Vector<double>&,
                                                      const Matrix<double>&, const Vector<double>&);
template Batch<float> detail::match_moments(const Batch<float>&, const Vector<double>&, const Matrix<float>&,
                                            const Vector<double>&);
template Batch<double> detail::match_moments(const Batch<double>&, const Vector<double>&, const Matrix<double>&,
                                             const Vector<double>&);

}  // namespace diffarch
