#pragma once

#include "certificates/certificate.hpp"

namespace certificates {

// gaussian.cpp
[[nodiscard]] Certificate linear_denoiser_generates_gaussian();
[[nodiscard]] Certificate rank_k_generates_rank_k_gaussian();
[[nodiscard]] Certificate gain_oracle();
[[nodiscard]] Certificate ddim_loses_variance();
[[nodiscard]] Certificate heun_adds_variance();
[[nodiscard]] Certificate refitting_contracts();
[[nodiscard]] Certificate without_bias_second_moments();
[[nodiscard]] Certificate rank_needs_a_clean_end();
// exact.cpp
[[nodiscard]] Certificate exact_denoiser_generates_target();
[[nodiscard]] Certificate ideal_denoiser_copies();
// moments.cpp
[[nodiscard]] Certificate polynomial_sees_moments();
[[nodiscard]] Certificate polygon_twins();
[[nodiscard]] Certificate atoms_look_gaussian();
[[nodiscard]] Certificate few_nodes_on_a_line();
[[nodiscard]] Certificate coreset_of_28_points();
// density.cpp
[[nodiscard]] Certificate polynomial_has_curl();
[[nodiscard]] Certificate not_a_log_polynomial();
[[nodiscard]] Certificate heavy_tails_escape();
[[nodiscard]] Certificate conservative_has_no_curl();
// likelihood.cpp
[[nodiscard]] Certificate divergence_is_predicted();
[[nodiscard]] Certificate divergence_in_the_plane();
// random_features.cpp
[[nodiscard]] Certificate random_features_are_polynomials();
// bottleneck.cpp
[[nodiscard]] Certificate bottleneck_samples_on_a_curve();
[[nodiscard]] Certificate bottleneck_rank();
// locality.cpp
[[nodiscard]] Certificate local_denoiser_sees_windows();
[[nodiscard]] Certificate equivariant_pools_all_places();
[[nodiscard]] Certificate phases_are_known();
[[nodiscard]] Certificate borders_are_known();
// unet.cpp
[[nodiscard]] Certificate skips_are_no_bottleneck();
[[nodiscard]] Certificate unet_receptive_field();
[[nodiscard]] Certificate unet_shifts();
[[nodiscard]] Certificate batch_statistics_are_not_local();

}  // namespace certificates
