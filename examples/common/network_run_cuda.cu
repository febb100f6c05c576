#include "closed_forms_impl.hpp"
#include "diffarch/cuda/cuda.hpp"
#include "network_run_impl.hpp"

namespace figures {

extern template PlacedModelPointer<float> placed(AnyDenoiser<float, Cuda>, const std::string&, const CosineSchedule&);
extern template PlacedModelPointer<double> placed(AnyDenoiser<double, Cuda>, const std::string&, const CosineSchedule&);

FIGURES_CLOSED_FORMS(Cuda);
FIGURES_BOTTLENECKS(Cuda);
FIGURES_SHALLOW_UNETS(Cuda);
FIGURES_DEEP_UNETS(Cuda);

}  // namespace figures
