#pragma once

#include "network_run.hpp"
#include "placed_model_impl.hpp"

namespace figures {

template <class B, class A, class Scalar>
PlacedModelPointer<Scalar> run_network(const A& architecture, const NetworkTask<Scalar>& task) {
  if (task.train) train(architecture, task.data, task.schedule, task.run, task.progress, B{});
  if (!task.sample) return nullptr;
  return placed(AnyDenoiser<Scalar, B>(load_model<Scalar>(architecture, task.schedule, task.run.folder, B{})),
                architecture.name(), task.schedule);
}

// What the programs use, on one backend.
#define FIGURES_NETWORK(B, Scalar, ...) \
  template PlacedModelPointer<Scalar> run_network<B>(const __VA_ARGS__&, const NetworkTask<Scalar>&)
#define FIGURES_UNET(B, Pools, Channels, padding) FIGURES_NETWORK(B, float, ConvUNet<Pools, Channels, Padding::padding>)
#define FIGURES_BOTTLENECKS(B)                                      \
  FIGURES_NETWORK(B, float, Bottleneck<1000>);                      \
  FIGURES_NETWORK(B, float, Bottleneck<500>);                       \
  FIGURES_NETWORK(B, float, Bottleneck<100>);                       \
  FIGURES_NETWORK(B, double, Bottleneck<1, BottleneckForm::plane>); \
  FIGURES_NETWORK(B, double, Bottleneck<2, BottleneckForm::plane>)
// Two parts, for translation units of about the same size. U-Nets of equally many pools share most of their code.
#define FIGURES_SHALLOW_UNETS(B)    \
  FIGURES_UNET(B, 1, 32, zeros);    \
  FIGURES_UNET(B, 1, 32, circular); \
  FIGURES_UNET(B, 2, 8, zeros);     \
  FIGURES_UNET(B, 2, 32, zeros);    \
  FIGURES_UNET(B, 2, 32, circular)
#define FIGURES_DEEP_UNETS(B)       \
  FIGURES_UNET(B, 3, 8, zeros);     \
  FIGURES_UNET(B, 3, 32, zeros);    \
  FIGURES_UNET(B, 3, 32, circular); \
  FIGURES_UNET(B, 4, 32, zeros)

}  // namespace figures
