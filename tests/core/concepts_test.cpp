#include "diffarch/core/concepts.hpp"

#include <string>

#include "support.hpp"

namespace diffarch {
namespace {

struct Policy {
  int width = 3;
  [[nodiscard]] std::string name() const { return "Policy"; }
};
struct PolicyWithoutName {
  int width = 3;
};
class PolicyWithState {  // not an aggregate
 public:
  explicit PolicyWithState(int width) : width_(width) {}
  [[nodiscard]] std::string name() const { return "PolicyWithState" + std::to_string(width_); }

 private:
  int width_;
};

TEST_CASE("An Architecture is a copyable aggregate with a name", "[core]") {
  STATIC_REQUIRE(Architecture<Policy>);
  STATIC_REQUIRE_FALSE(Architecture<PolicyWithoutName>);
  STATIC_REQUIRE_FALSE(Architecture<PolicyWithState>);
  STATIC_REQUIRE_FALSE(Architecture<int>);
}

struct Model {
  using Scalar = float;
  using BackendType = Cpu;
  [[nodiscard]] Index dimension() const { return 2; }
  [[nodiscard]] Batch<float> denoise(const Batch<float>& y, NoiseLevel /*level*/) const { return y; }
};
struct ModelThatChangesItself : Model {
  [[nodiscard]] Batch<float> denoise(const Batch<float>& y, NoiseLevel /*level*/) { return y; }
};
struct ModelOfIntegers : Model {
  using Scalar = int;
};
struct ModelWithoutDimension {
  using Scalar = float;
  using BackendType = Cpu;
  [[nodiscard]] Batch<float> denoise(const Batch<float>& y, NoiseLevel /*level*/) const { return y; }
};

struct ModelOfExpressions : Model {
  [[nodiscard]] auto denoise(const Batch<float>& y, NoiseLevel /*level*/) const { return 2.0F * y; }
};
struct ModelOfReferences : Model {
  Batch<float> prediction;
  [[nodiscard]] const Batch<float>& denoise(const Batch<float>& /*y*/, NoiseLevel /*level*/) const {
    return prediction;
  }
};

TEST_CASE("A Denoiser has a const denoise, a dimension, a backend and a floating-point scalar", "[core]") {
  STATIC_REQUIRE(Denoiser<Model>);
  STATIC_REQUIRE_FALSE(Denoiser<ModelThatChangesItself>);
  STATIC_REQUIRE_FALSE(Denoiser<ModelOfIntegers>);
  STATIC_REQUIRE_FALSE(Denoiser<ModelWithoutDimension>);
  STATIC_REQUIRE_FALSE(Denoiser<ModelOfExpressions>);
  STATIC_REQUIRE(Denoiser<ModelOfReferences>);
  STATIC_REQUIRE_FALSE(Denoiser<Policy>);
}

TEST_CASE("A Denoiser is spectral only when it tells its eigenmodes", "[core]") {
  struct Spectral : Model {
    [[nodiscard]] Vector<double> mean() const { return Vector<double>::Zero(2); }
    [[nodiscard]] Vector<double> mean_coordinates() const { return Vector<double>::Zero(1); }
    [[nodiscard]] Vector<double> eigenvalues() const { return Vector<double>::Ones(1); }
    [[nodiscard]] Batch<float> apply_gains(const Batch<float>& y, double /*signal*/,
                                           const Vector<double>& /*gains*/) const {
      return y;
    }
  };
  STATIC_REQUIRE(SpectralDenoiser<Spectral>);
  STATIC_REQUIRE_FALSE(SpectralDenoiser<Model>);
}

struct Levels {
  [[nodiscard]] NoiseLevels levels() const { return NoiseLevels({{1.0, 2.0}, {1.0, 0.0}}); }
  [[nodiscard]] std::string name() const { return "Levels"; }
};
struct PlainSigmas {
  [[nodiscard]] std::vector<double> levels() const { return {2.0, 0.0}; }
  [[nodiscard]] std::string name() const { return "PlainSigmas"; }
};

TEST_CASE("A Schedule gives NoiseLevels, not a plain list of numbers", "[core]") {
  STATIC_REQUIRE(Schedule<Levels>);
  STATIC_REQUIRE_FALSE(Schedule<PlainSigmas>);
  STATIC_REQUIRE_FALSE(Schedule<NoiseLevels>);
}

struct Rule {
  [[nodiscard]] std::string name() const { return "Rule"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 0.0; }
  template <Denoiser M>
  void advance(const M& /*model*/, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel /*level*/,
               NoiseLevel /*next*/) const {
    y = x0_hat;
  }
};
struct RuleWithGain : Rule {
  [[nodiscard]] double mode_gain(double /*lambda*/, NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 1.0; }
};
struct RuleForFloatOnly : Rule {
  void advance(const Model& /*model*/, Batch<float>& y, const Batch<float>& x0_hat, NoiseLevel /*level*/,
               NoiseLevel /*next*/) const {
    y = x0_hat;
  }
};

TEST_CASE("A SamplerRule advances any Denoiser", "[core]") {
  STATIC_REQUIRE(SamplerRule<Rule>);
  STATIC_REQUIRE(SamplerRule<RuleWithGain>);
  STATIC_REQUIRE_FALSE(SamplerRule<RuleForFloatOnly>);
  STATIC_REQUIRE_FALSE(SamplerRule<Policy>);
}

TEST_CASE("A SamplerRule is spectral when it has a gain of each mode", "[core]") {
  STATIC_REQUIRE(SpectralRule<RuleWithGain>);
  STATIC_REQUIRE_FALSE(SpectralRule<Rule>);
}

struct WithoutCopies : Cpu {
  static void upload() = delete;
};
struct WithoutNorms : Cpu {
  static void column_norms() = delete;
};
struct WithoutElements : Cpu {
  static void for_each() = delete;
};
struct WithoutArrays : Cpu {
  template <class Scalar>
  struct Storage {};
};
struct FloatsOnly : Cpu {
  template <std::same_as<float> Scalar>
  static bool all_finite(const Batch<Scalar>& /*storage*/) {
    return true;
  }
};

TEST_CASE("The concept of a backend asks for every section of its vocabulary, in both scalars", "[core]") {
  STATIC_REQUIRE(Backend<Cpu>);
  STATIC_REQUIRE_FALSE(Backend<WithoutCopies>);
  STATIC_REQUIRE_FALSE(Backend<WithoutNorms>);
  STATIC_REQUIRE_FALSE(Backend<WithoutElements>);
  STATIC_REQUIRE_FALSE(Backend<WithoutArrays>);
  STATIC_REQUIRE_FALSE(Backend<FloatsOnly>);
  STATIC_REQUIRE_FALSE(Backend<int>);
}

}  // namespace
}  // namespace diffarch
