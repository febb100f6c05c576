#include "monomial_run_impl.hpp"

namespace figures {

template PlacedModelPointer<float> placed(AnyDenoiser<float, Cpu>, const std::string&, const CosineSchedule&);
template PlacedModelPointer<double> placed(AnyDenoiser<double, Cpu>, const std::string&, const CosineSchedule&);
FIGURES_MONOMIALS(Cpu);

}  // namespace figures
