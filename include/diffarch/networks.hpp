#pragma once

// Trained networks, `Bottleneck` and `ConvUNet`, with all that samples them. Needs Eigen; trainings in folders and
// files of weights join when the target diffarch::json is linked, oneDNN's kernels when diffarch::onednn is.

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/network/network_denoiser.hpp"
#include "diffarch/denoiser/predictor_of.hpp"
#include "diffarch/nn/decoder_polyline.hpp"
#include "diffarch/nn/layers/receptive_field.hpp"
#include "diffarch/sampling.hpp"

#ifdef DIFFARCH_HAS_JSON
#include "diffarch/denoiser/train.hpp"
#include "diffarch/nn/files/checkpoint.hpp"
#include "diffarch/nn/files/training_folder.hpp"
#include "diffarch/nn/files/weights_file.hpp"
#endif
