#include "diffarch/core/samples.hpp"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A batch, a data set and every dense matrix expression of float or double are samples", "[core]") {
  STATIC_REQUIRE(Samples<Batch<float>>);
  STATIC_REQUIRE(Samples<Batch<double>>);
  STATIC_REQUIRE(Samples<Dataset<float>>);
  STATIC_REQUIRE(Samples<Vector<double>>);
  STATIC_REQUIRE(Samples<Eigen::RowVectorXf>);
  STATIC_REQUIRE(Samples<Eigen::Matrix3f>);
  STATIC_REQUIRE(Samples<Eigen::Map<const Eigen::MatrixXd>>);
  STATIC_REQUIRE(Samples<Eigen::Ref<const Eigen::MatrixXf>>);
  const Batch<float> x;
  STATIC_REQUIRE(Samples<std::remove_cvref_t<decltype(x.leftCols(5))>>);
  STATIC_REQUIRE(Samples<std::remove_cvref_t<decltype(x.transpose() * x)>>);
  STATIC_REQUIRE(Samples<std::remove_cvref_t<decltype(x.cast<double>())>>);
  STATIC_REQUIRE(Samples<std::remove_cvref_t<decltype(Batch<float>::Random(2, 3))>>);

  STATIC_REQUIRE_FALSE(Samples<Eigen::MatrixXi>);
  STATIC_REQUIRE_FALSE(Samples<Eigen::MatrixXcd>);
  STATIC_REQUIRE_FALSE(Samples<std::vector<float>>);
  STATIC_REQUIRE_FALSE(Samples<std::string>);
  STATIC_REQUIRE_FALSE(Samples<float>);
  STATIC_REQUIRE(SamplesOf<Dataset<double>, double>);
  STATIC_REQUIRE_FALSE(SamplesOf<Dataset<double>, float>);
  STATIC_REQUIRE_FALSE(SamplesOf<std::string, float>);
}

TEST_CASE("as_batch does not copy a batch or a data set, and evaluates every other expression", "[core]") {
  const Batch<float> batch = test::random_matrix<float>(4, 3, 1);
  const Dataset<float> images(batch, {2, 2, 1}, "four pixels");
  REQUIRE(&as_batch(batch) == &batch);
  REQUIRE(&as_batch(images) == &images.samples());

  STATIC_REQUIRE(std::is_same_v<decltype(as_batch(batch.leftCols(2))), Batch<float>>);
  REQUIRE(test::bitwise_equal(as_batch(batch.leftCols(2)), Batch<float>(batch.leftCols(2))));
  REQUIRE(test::bitwise_equal(as_batch(batch.col(1)), Batch<float>(batch.col(1))));
  REQUIRE(test::bitwise_equal(as_batch(batch.cast<double>()), Batch<double>(batch.cast<double>())));
  const Eigen::Matrix<float, 4, 3, Eigen::RowMajor> rows_first = batch;
  REQUIRE(test::bitwise_equal(as_batch(rows_first), batch));
}

TEST_CASE("An expression that is too large for the memory is refused", "[core]") {
  const Index side = Index{1} << 31;
  REQUIRE_THAT(test::message_of<OutOfMemory>([&] { return as_batch(Batch<float>::Zero(side, side)); }),
               ContainsSubstring("samples: 2147483648 x 2147483648 numbers need"));
}

TEST_CASE("as_batch of a temporary keeps its samples", "[core]") {
  const Batch<float> batch = test::random_matrix<float>(4, 3, 1);
  const Batch<float>& of_batch = as_batch(Batch<float>(batch));
  const Batch<float>& of_images = as_batch(Dataset<float>(batch, {2, 2, 1}, "four pixels"));
  const Batch<float>& of_expression = as_batch(Batch<float>(batch).leftCols(3));
  REQUIRE(test::bitwise_equal(of_batch, batch));
  REQUIRE(test::bitwise_equal(of_images, batch));
  REQUIRE(test::bitwise_equal(of_expression, batch));
}

template <class Scalar>
const Scalar* first_number_of_batch(const Batch<Scalar>& x, const Batch<Scalar>& y) {
  return x.cols() > y.cols() ? x.data() : y.data();
}

template <Samples X, SamplesOf<typename X::Scalar> Y>
const typename X::Scalar* first_number(const X& x, const Y& y) {
  return first_number_of_batch(as_batch(x), as_batch(y));
}

TEST_CASE("A function that takes samples has one implementation, for batches", "[core]") {
  const Batch<float> batch = test::random_matrix<float>(4, 3, 1);
  const Dataset<float> images(batch, {2, 2, 1}, "four pixels");
  REQUIRE(first_number(batch, batch.leftCols(2)) == batch.data());
  REQUIRE(first_number(images, batch.leftCols(2)) == images.samples().data());
  const auto can_call = [](const auto& x, const auto& y) {
    return requires { first_number(x, y); };
  };
  REQUIRE(can_call(batch, images));
  REQUIRE_FALSE(can_call(batch, Batch<double>(4, 3)));
  REQUIRE_FALSE(can_call(batch, std::vector<float>(12)));
}

}  // namespace
}  // namespace diffarch
