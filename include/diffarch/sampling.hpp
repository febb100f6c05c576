#pragma once

// Noise levels, rules and the sampler: what every program needs beside an architecture. Needs Eigen.

#include "diffarch/core/check_denoiser.hpp"
#include "diffarch/core/dataset.hpp"
#include "diffarch/core/progress.hpp"
#include "diffarch/core/standardise.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/any_sampler.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/escape_log.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/sampler/prediction_log.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/describe.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/linear_beta.hpp"
#include "diffarch/schedule/spectrum_optimal.hpp"
