// Degree 0 is the mean of the data, not a denoiser.
#include "diffarch/denoiser/polynomial.hpp"

diffarch::Polynomial<0> constant;
