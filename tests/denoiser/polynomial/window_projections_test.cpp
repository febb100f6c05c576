#include "diffarch/denoiser/polynomial/window_projections.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using Projections = detail::WindowProjections<double>;

/// Every window and direction by the definition, in the order of of_rows.
Matrix<double> by_definition(const Batch<double>& directions, Index size, const Batch<double>& images,
                             const ImageShape& shape, Index first, Index rows) {
  const Index columns = shape.width - size + 1;
  const Index p = directions.cols();
  Matrix<double> result(p * images.cols(), rows * columns);
  for (Index window = 0; window < result.cols(); ++window)
    for (Index image = 0; image < images.cols(); ++image)
      for (Index feature = 0; feature < p; ++feature) {
        long double sum = 0;
        for (Index i = 0; i < size; ++i)
          for (Index j = 0; j < size; ++j)
            for (Index k = 0; k < shape.channels; ++k)
              sum += static_cast<long double>(directions((i * size + j) * shape.channels + k, feature)) *
                     images(shape.index(first + window / columns + i, window % columns + j, k), image);
        result(image * p + feature, window) = static_cast<double>(sum);
      }
  return result;
}

struct Problem {
  ImageShape shape;
  Index size;
  Index features;
  Index images;
  bool by_frequencies;
};

// Widths even and odd, and one to several channels, features and blocks of images.
const Problem problems[]{{{10, 24, 3}, 8, 5, 3, true},  {{13, 25, 1}, 13, 4, 70, true}, {{16, 16, 2}, 10, 3, 64, true},
                         {{9, 31, 2}, 9, 1, 131, true}, {{16, 64, 1}, 15, 2, 1, true},  {{8, 8, 3}, 3, 4, 9, false},
                         {{7, 9, 2}, 7, 6, 5, false},   {{6, 6, 1}, 6, 3, 4, false},    {{5, 7, 2}, 1, 2, 70, false},
                         {{64, 64, 3}, 3, 2, 1, false}};

TEST_CASE("Projections of all windows are sums over their pixels", "[denoiser][patch]") {
  for (const Problem& problem : problems) {
    const auto& [shape, size, features, images, by_frequencies] = problem;
    INFO(detail::shape_text(shape) << ", window " << size << ", " << images << " images");
    const Batch<double> x = random_matrix(shape.size(), images, 1);
    const Batch<double> directions = random_matrix(size * size * shape.channels, features, 2);
    const Projections projections(directions, size, x, shape);
    REQUIRE(projections.by_frequencies() == by_frequencies);
    REQUIRE(projections.columns() == shape.width - size + 1);
    const Index rows = shape.height - size + 1;
    const Matrix<double> expected = by_definition(directions, size, x, shape, 0, rows);
    CHECK(test::relative_difference(projections.of_rows(0, rows), expected) < 1e-14);
    const Matrix<double> last = projections.of_rows(rows - 1, 1);
    CHECK(test::relative_difference(last, expected.rightCols(projections.columns())) < 1e-14);

    const Batch<float> narrow_x = x.cast<float>();
    const Batch<float> narrow_directions = directions.cast<float>();
    const detail::WindowProjections<float> narrow(narrow_directions, size, narrow_x, shape);
    CHECK(test::relative_difference(
              narrow.of_rows(0, rows),
              by_definition(narrow_directions.cast<double>(), size, narrow_x.cast<double>(), shape, 0, rows)) < 2e-6);
  }
}

TEST_CASE("Projections have the same bits for one and two threads, row by row and together", "[denoiser][patch]") {
  const ImageShape shape{12, 40, 3};
  const Batch<double> x = random_matrix(shape.size(), 150, 3);
  for (const Index size : {Index{3}, Index{10}}) {
    const Batch<double> directions = random_matrix(size * size * 3, 20, 4);
    const auto of = [&](int threads, Index rows) {
      const test::ThreadCount guard(threads);
      return Projections(directions, size, x, shape).of_rows(1, rows);
    };
    REQUIRE(Projections(directions, size, x, shape).by_frequencies() == (size == 10));
    const Matrix<double> one = of(1, 2);
    REQUIRE(test::bitwise_equal(of(2, 2), one));
    REQUIRE(test::bitwise_equal(of(2, 1), Matrix<double>(one.leftCols(shape.width - size + 1))));
  }
}

TEST_CASE("The columns of the Fourier basis are orthogonal, and constants have one frequency", "[denoiser][patch]") {
  for (const Index length : {Index{1}, Index{2}, Index{7}, Index{12}}) {
    const Matrix<double> basis = detail::fourier_basis<double>(length);
    const Matrix<double> products = basis.transpose() * basis;
    for (Index i = 0; i < length; ++i)
      for (Index j = 0; j < length; ++j) {
        const bool is_own_negative = i == 0 || (length % 2 == 0 && i == length - 1);
        const double expected = i != j ? 0.0 : test::real(length) / (is_own_negative ? 1.0 : 2.0);
        REQUIRE(std::abs(products(i, j) - expected) < 1e-14 * test::real(length));
      }
    const Vector<double> constant = basis.transpose() * Vector<double>::Ones(length);
    REQUIRE(constant(0) == Approx(test::real(length)));
    REQUIRE(constant.tail(length - 1).cwiseAbs().sum() < 1e-13);
  }
}

}  // namespace
}  // namespace diffarch
