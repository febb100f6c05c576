#include "diffarch/cuda/cuda.hpp"
#include "polynomial_run_impl.hpp"

namespace figures {

extern template PlacedModelPointer<float> placed(AnyDenoiser<float, Cuda>, const std::string&, const CosineSchedule&);

FIGURES_RANDOM_POLYNOMIALS(Cuda);
FIGURES_SPECTRAL_POLYNOMIALS(Cuda);

}  // namespace figures
