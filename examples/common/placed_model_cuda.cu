#include "diffarch/cuda/monomial_denoiser.hpp"
#include "monomial_run_impl.hpp"

namespace figures {

template PlacedModelPointer<float> placed(AnyDenoiser<float, Cuda>, const std::string&, const CosineSchedule&);
template PlacedModelPointer<double> placed(AnyDenoiser<double, Cuda>, const std::string&, const CosineSchedule&);
FIGURES_MONOMIALS(Cuda);

}  // namespace figures
