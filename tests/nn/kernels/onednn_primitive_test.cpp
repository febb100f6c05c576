#include "diffarch/nn/kernels/onednn_primitive.hpp"

#include "diffarch/nn/kernels/onednn_kernels.hpp"
#include "support.hpp"

using namespace diffarch;
using diffarch::test::message_of;

TEST_CASE("What oneDNN refuses is an error of the library that names the call and its sizes", "[nn]") {
  nn::detail::OneDnnConvolution<nn::detail::ConvolutionPrecision::f32> convolution;
  CHECK_THAT(message_of<OneDnnError>([&] {
               convolution.plan({8, 8, 3}, 4, Padding::zeros, -1);
             }),
             ContainsSubstring("oneDNN: convolution of -1 images of 8 x 8 x 3 to 4 channels: "));
  const float one = 1.0F;
  float result = 0.0F;
  CHECK_THAT(message_of<OneDnnError>([&] {
               nn::OneDnnKernels::product<float>(false, false, -2, 1, 1, &one, 1, &one, 1, false, &result, 1);
             }),
             ContainsSubstring("oneDNN: product of (-2, 1) and (1, 1) matrices: could not multiply matrices (status "));
  CHECK_THAT(message_of<OutOfMemory>(
                 [] { nn::detail::with_onednn([] { throw dnnl::error(dnnl_out_of_memory, "no room"); }, "a plan"); }),
             ContainsSubstring("oneDNN: a plan: no room"));
}

TEST_CASE("The result of a primitive is there when it returns", "[nn]") {
  // Many runs on numbers that change right after each: a queue that was not waited for would see the later ones.
  constexpr Index count = 1 << 16;
  const dnnl::memory::desc layout({count}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a);
  std::vector<float> from(count);
  std::vector<float> to(count);
  dnnl::memory source(layout, nn::detail::onednn_engine(), from.data());
  dnnl::memory target(layout, nn::detail::onednn_engine(), to.data());
  const nn::detail::OneDnnPrimitive copy(dnnl::reorder(source, target),
                                         {{DNNL_ARG_FROM, &source}, {DNNL_ARG_TO, &target}});
  const dnnl::stream stream(nn::detail::onednn_engine());
  for (int run = 0; run < 20; ++run) {
    std::fill(from.begin(), from.end(), static_cast<float>(run));
    copy.run(stream);
    REQUIRE(to.front() == static_cast<float>(run));
    REQUIRE(to.back() == static_cast<float>(run));
  }
}
