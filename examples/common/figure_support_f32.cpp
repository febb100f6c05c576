#include "figure_support.hpp"

namespace figures {

template Dataset<float> load_data(const FigureOptions&);
template Batch<float> initial_noise(const FigureOptions&, const ImageShape&);
template LinearRow<float> run_linear_row(const std::string&, const Linear&, const CosineSchedule&,
                                         const Dataset<float>&, const Dataset<float>&, const Batch<float>&,
                                         const FigureOptions&, FigureReport&);
template LinearRow<float> run_linear_row(const std::string&, const RankK&, const CosineSchedule&, const Dataset<float>&,
                                         const Dataset<float>&, const Batch<float>&, const FigureOptions&,
                                         FigureReport&);
template EscapeLog escape_log(const Batch<float>&);
template Batch<float> sample_linear(const GaussianDenoiser<Cpu, float>&, const CosineSchedule&, Index, Seed);
template void record_noise(const Batch<float>&, const ImageShape&, const FigureOptions&, FigureReport&);

}  // namespace figures
