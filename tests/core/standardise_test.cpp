#include "diffarch/core/standardise.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Each channel gets mean 0 and variance 1 over all images and places, and undo gives the data back",
          "[core]") {
  const ImageShape shape{4, 5, 3};
  Batch<double> samples = test::random_matrix<double>(shape.size(), 30, 3);
  for (Index i = 0; i < samples.rows(); ++i) {  // channel k: mean 10 k, deviation k + 1
    const auto k = static_cast<double>(i % 3);
    samples.row(i) = 10.0 * k + (k + 1.0) * samples.row(i).array();
  }
  const auto [data, map] = standardise(Dataset<double>(samples, shape, "noise"));
  REQUIRE(data.name() == "noise");
  REQUIRE(data.shape() == shape);
  const double count = 4 * 5 * 30;
  for (Index channel = 0; channel < 3; ++channel) {
    const Matrix<double> values = data.samples()(Eigen::seqN(channel, 20, 3), Eigen::all);
    REQUIRE(std::abs(values.mean()) < 1e-14);
    REQUIRE(std::abs(values.squaredNorm() / count - 1.0) < 1e-13);
    const Matrix<double> original = samples(Eigen::seqN(channel, 20, 3), Eigen::all);
    REQUIRE(std::abs(map.mean()(channel) - original.mean()) < 1e-12);
    const double variance = (original.array() - original.mean()).square().mean();
    REQUIRE(std::abs(map.deviation()(channel) - std::sqrt(variance)) < 1e-12);
  }
  REQUIRE(test::relative_difference(map.undo(data.samples()), samples) < 1e-15);
  REQUIRE(test::bitwise_equal(map.apply(samples), data.samples()));
}

TEST_CASE("Of points each coordinate is standardised, and a constant one becomes 0", "[core]") {
  Batch<float> points(3, 4);
  points << 1, 2, 3, 4, 1000, 1000, 1000, 1000, -7, 5, -7, 5;
  const auto [data, map] = standardise(Dataset<float>(points, ImageShape{1, 1, 3}, "points"));
  REQUIRE(data.samples().row(1).cwiseAbs().maxCoeff() == 0.0F);
  REQUIRE(map.deviation()(1) == 1.0F);
  REQUIRE(std::abs(data.samples()(2, 0) + 1.0F) < 1e-6F);
  REQUIRE((map.undo(data.samples()) - points).cwiseAbs().maxCoeff() < 1e-4F);
}

TEST_CASE("Samples of another shape, empty data and deviations of 0 are refused", "[core]") {
  const auto [data, map] =
      standardise(Dataset<double>(test::random_matrix<double>(12, 5, 1), ImageShape{2, 2, 3}, "noise"));
  const auto undo = [&map = map] { static_cast<void>(map.undo(Batch<double>::Zero(11, 2))); };
  REQUIRE_THAT(test::message_of<DimensionMismatch>(undo),
               ContainsSubstring("(11, 2)") && ContainsSubstring("2 x 2 x 3"));
  REQUIRE_THROWS_AS(standardise(Dataset<double>(Batch<double>(12, 0), ImageShape{2, 2, 3}, "none")), InvalidArgument);
  const ImageShape gray{2, 2, 1};
  REQUIRE_THROWS_AS(Standardisation<double>(gray, Vector<double>::Zero(1), Vector<double>::Zero(1)), InvalidArgument);
  REQUIRE_THROWS_AS(Standardisation<double>(gray, Vector<double>::Zero(2), Vector<double>::Ones(2)), DimensionMismatch);
}

}  // namespace
}  // namespace diffarch
