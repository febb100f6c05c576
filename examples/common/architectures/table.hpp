#pragma once

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/patch_polynomial.hpp"
#include "diffarch/denoiser/patch_posterior.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"

// The table of the architectures that the programs fit, train and sample on the backend of --backend. An architecture
// joins all programs by one line here. The build instantiates each part of the table once by the host's compiler, for
// Cpu, and once by nvcc, for Cuda: see instances.hpp and CMakeLists.txt.

namespace figures {

// The kinds of lines.

/// An architecture that is fitted to samples of a Scalar, and the rules by which it is sampled.
template <class Scalar, class A, class... Rules>
struct Fitted {};
/// An architecture that is fitted to samples in float; its leading form, curl and condition are looked at.
template <class A>
struct FittedPolynomial {};
/// Linear, fitted to exact moments of a Scalar.
template <class Scalar>
struct FittedToMoments {};
/// Polynomials on all monomials, which are fitted on the host in extended precision whatever the backend.
template <bool is_conservative>
struct Monomial {};
/// An architecture that is trained on samples of a Scalar.
template <class Scalar, class A>
struct Trained {};
/// The networks of apply_denoiser in a Scalar.
template <class Scalar>
struct Applied {};

/// A part of the table, one translation unit for each backend.
template <class... Lines>
struct Part {};

// The table.

using diffarch::Bottleneck;
using diffarch::BottleneckForm;
using diffarch::ConvUNet;
using diffarch::Ddim;
using diffarch::Padding;
using diffarch::PatchPolynomial;
using diffarch::Polynomial;
using diffarch::RandomFeatures;

using ClosedForms =
    Part<Fitted<float, diffarch::Linear, Ddim, diffarch::VarianceExactDdim>,
         Fitted<double, diffarch::Linear, Ddim, diffarch::VarianceExactDdim>, Fitted<float, diffarch::RankK, Ddim>,
         Fitted<double, diffarch::RankK, Ddim>, Fitted<float, diffarch::Ideal, Ddim>,
         Fitted<float, diffarch::LocalScore, Ddim>, Fitted<float, diffarch::EquivariantLocalScore, Ddim>,
         Fitted<float, diffarch::PatchPosterior, Ddim>, FittedToMoments<float>, FittedToMoments<double>,
         Monomial<false>, Monomial<true>>;

using ExactPolynomials =
    Part<FittedPolynomial<Polynomial<3, diffarch::SpectralFeatures<diffarch::Monomials>>>,
         FittedPolynomial<Polynomial<3, diffarch::SpectralFeatures<diffarch::Conservative>>>,
         FittedPolynomial<Polynomial<3, RandomFeatures<diffarch::ExactAverage>>>,
         FittedPolynomial<Polynomial<9, RandomFeatures<diffarch::ExactAverage>>>,
         FittedPolynomial<Polynomial<27, RandomFeatures<diffarch::ExactAverage>>>,
         FittedPolynomial<PatchPolynomial<3, diffarch::ExactAverage>>, FittedPolynomial<diffarch::Linear>>;

using DrawnPolynomials = Part<FittedPolynomial<Polynomial<3, RandomFeatures<diffarch::SingleDraw>>>,
                              FittedPolynomial<Polynomial<9, RandomFeatures<diffarch::SingleDraw>>>,
                              FittedPolynomial<Polynomial<27, RandomFeatures<diffarch::SingleDraw>>>,
                              FittedPolynomial<PatchPolynomial<3, diffarch::SingleDraw>>,
                              FittedPolynomial<Polynomial<3, RandomFeatures<diffarch::Legacy>>>,
                              FittedPolynomial<Polynomial<9, RandomFeatures<diffarch::Legacy>>>,
                              FittedPolynomial<Polynomial<27, RandomFeatures<diffarch::Legacy>>>,
                              FittedPolynomial<PatchPolynomial<3, diffarch::Legacy>>>;

using Bottlenecks =
    Part<Trained<float, Bottleneck<1000>>, Trained<float, Bottleneck<500>>, Trained<float, Bottleneck<100>>,
         Trained<double, Bottleneck<1, BottleneckForm::plane>>, Trained<double, Bottleneck<2, BottleneckForm::plane>>>;

using AppliedNetworks = Part<Applied<float>, Applied<double>>;

// U-Nets of equally many pools share most of their code.
using ShallowUNets =
    Part<Trained<float, ConvUNet<1, 32, Padding::zeros>>, Trained<float, ConvUNet<1, 32, Padding::circular>>,
         Trained<float, ConvUNet<2, 8, Padding::zeros>>, Trained<float, ConvUNet<2, 32, Padding::zeros>>,
         Trained<float, ConvUNet<2, 32, Padding::circular>>>;

using DeepUNets =
    Part<Trained<float, ConvUNet<3, 8, Padding::zeros>>, Trained<float, ConvUNet<3, 32, Padding::zeros>>,
         Trained<float, ConvUNet<3, 32, Padding::circular>>, Trained<float, ConvUNet<4, 32, Padding::zeros>>>;

}  // namespace figures
