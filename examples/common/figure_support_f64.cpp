#include "figure_support.hpp"

namespace figures {

template Dataset<double> load_data(const FigureOptions&);
template Batch<double> initial_noise(const FigureOptions&, const ImageShape&);
template EscapeLog escape_log(const Batch<double>&);
template void report_linear_row(const std::string&, const std::string&, const CosineSchedule&, const Dataset<double>&,
                                const FigureOptions&, LinearRow<double>&, FigureReport&);
template void record_noise(const Batch<double>&, const ImageShape&, const FigureOptions&, FigureReport&);
FIGURES_LINEAR_FAMILY(Cpu, double);

}  // namespace figures
