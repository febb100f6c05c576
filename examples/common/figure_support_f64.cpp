#include "figure_support.hpp"

namespace figures {

template Dataset<double> load_data(const FigureOptions&);
template Batch<double> initial_noise(const FigureOptions&, const ImageShape&);
template LinearRow<double> run_linear_row(const std::string&, const Linear&, const CosineSchedule&,
                                          const Dataset<double>&, const Dataset<double>&, const Batch<double>&,
                                          const FigureOptions&, FigureReport&);
template LinearRow<double> run_linear_row(const std::string&, const RankK&, const CosineSchedule&,
                                          const Dataset<double>&, const Dataset<double>&, const Batch<double>&,
                                          const FigureOptions&, FigureReport&);
template EscapeLog escape_log(const Batch<double>&);
template Batch<double> sample_linear(const GaussianDenoiser<Cpu, double>&, const CosineSchedule&, Index, Seed);
template void record_noise(const Batch<double>&, const ImageShape&, const FigureOptions&, FigureReport&);

}  // namespace figures
