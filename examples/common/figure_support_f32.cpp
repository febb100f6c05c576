#include "figure_support.hpp"

namespace figures {

template Dataset<float> load_data(const FigureOptions&);
template Batch<float> initial_noise(const FigureOptions&, const ImageShape&);
template EscapeLog escape_log(const Batch<float>&);
template void report_linear_row(const std::string&, const std::string&, const CosineSchedule&, const Dataset<float>&,
                                const FigureOptions&, LinearRow<float>&, FigureReport&);
template void record_noise(const Batch<float>&, const ImageShape&, const FigureOptions&, FigureReport&);
FIGURES_LINEAR_FAMILY(Cpu, float);

}  // namespace figures
