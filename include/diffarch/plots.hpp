#pragma once

// Plots of points, curves and functions, drawn by gnuplot. Needs Eigen.

#include "diffarch/io/gnuplot.hpp"
#include "diffarch/io/plot_panel.hpp"
