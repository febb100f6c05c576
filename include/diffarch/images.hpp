#pragma once

// Data sets of images, and pictures of samples. Needs Eigen; PNG and JPEG files join when the target diffarch::images
// is linked (stb), IDX and .npz files when diffarch::zlib is.

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/standardise.hpp"
#include "diffarch/data/synthetic_discs.hpp"
#include "diffarch/data/synthetic_faces.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/io/npy_images.hpp"

#ifdef DIFFARCH_HAS_STB
#include "diffarch/data/image_folder.hpp"
#include "diffarch/io/png_grid.hpp"
#endif

#ifdef DIFFARCH_HAS_ZLIB
#include "diffarch/data/idx.hpp"
#include "diffarch/io/npz.hpp"
#endif
