#include "diffarch/solver/hermite_moments.hpp"

#include "oracles.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Whitened data have Hermite moments 1, 0, 0 up to degree two", "[solver]") {
  const auto moments = HermiteMoments::from(correlated_samples(2, 40, 1), 4);
  CHECK(static_cast<double>(moments.values()(0)) == 1.0);
  for (Index i = 1; i < 6; ++i) CHECK(std::abs(static_cast<double>(moments.values()(i))) < 1e-13);
}

TEST_CASE("Samples and their table of raw moments give the same Hermite moments", "[solver]") {
  const Batch<double> samples = correlated_samples(3, 25, 2);
  const auto direct = HermiteMoments::from(samples, 6);
  const auto table = HermiteMoments::from(MomentTable<double>::from_samples(samples, 6), 6);
  CHECK(relative_difference(table.eigenvalues(), direct.eigenvalues()) < 1e-13);
  // Eigenvectors are determined up to a sign each, and so are the moments.
  for (Index i = 0; i < direct.values().size(); ++i)
    CHECK(std::abs(static_cast<double>(table.values()(i))) ==
          Approx(std::abs(static_cast<double>(direct.values()(i)))).margin(1e-11));
}

TEST_CASE("A distribution that looks normal up to a degree has no Hermite moments up to it", "[solver]") {
  const Quadrature rule = gauss_hermite(4);
  const Batch<double> nodes = rule.nodes.cast<double>().transpose();
  const auto moments =
      HermiteMoments::from(MomentTable<double>::from_weighted(nodes, rule.weights.cast<double>(), 8), 8);
  for (Index q = 1; q < 8; ++q) CHECK(std::abs(static_cast<double>(moments.values()(q))) < 1e-12);
  // E He_8 under the 4-node rule is -4! 4! ... : He_4 vanishes at the nodes, so degree 8 = 2 * 4 is the first that
  // sees.
  CHECK(static_cast<double>(moments.values()(8)) * std::sqrt(40320.0) == Approx(-24.0).epsilon(1e-10));
}

TEST_CASE("Directions without variance are left out", "[solver]") {
  Batch<double> samples = correlated_samples(3, 20, 3);
  samples.row(2) = samples.row(0) + samples.row(1);
  const auto moments = HermiteMoments::from(samples, 2);
  CHECK(moments.indices().dimension() == 2);
  CHECK(moments.dimension() == 3);
}

TEST_CASE("Data without variance, and tables that end too early, are refused", "[solver]") {
  CHECK(message_of<InvalidArgument>([] {
          (void)HermiteMoments::from(Batch<double>(Batch<double>::Ones(2, 5)), 2);
        }).find("no variance") != std::string::npos);
  const auto table = MomentTable<double>::from_samples(correlated_samples(2, 20, 4), 4);
  CHECK(message_of<InvalidArgument>([&] { (void)HermiteMoments::from(table, 6); }).find("ends at degree 4") !=
        std::string::npos);
}
