#include "unet_row.hpp"

namespace figures {

using diffarch::Padding;

extern template void run_unet<1, 32, Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);
extern template void run_unet<2, 32, Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);
extern template void run_unet<3, 32, Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);
extern template void run_unet<4, 32, Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);
extern template void run_unet<2, 8, Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);
extern template void run_unet<3, 8, Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);
extern template void run_unet<2, 32, Padding::circular>(const std::string&, const std::string&, NetworkFigure&);
extern template void run_unet<3, 32, Padding::circular>(const std::string&, const std::string&, NetworkFigure&);

namespace {

/// The rows for networks with `Default` pools.
template <int Default>
void run_row(const std::string& row, NetworkFigure& figure) {
  const auto pools = [](int count) { return std::to_string(count) + (count == 1 ? " pool" : " pools"); };
  if (row == "global") return run_unet<Default + 1, 32, Padding::zeros>(row, pools(Default + 1), figure);
  if (row == "default") return run_unet<Default, 32, Padding::zeros>(row, pools(Default), figure);
  if (row == "local") return run_unet<Default - 1, 32, Padding::zeros>(row, pools(Default - 1), figure);
  if (row == "few_channels") return run_unet<Default, 8, Padding::zeros>(row, pools(Default) + "\n8 channels", figure);
  return run_unet<Default, 32, Padding::circular>(row, pools(Default) + "\ncircular", figure);
}

}  // namespace

void run_unet_row(const std::string& row, bool is_large, NetworkFigure& figure) {
  if (is_large)
    run_row<3>(row, figure);
  else
    run_row<2>(row, figure);
}

}  // namespace figures
