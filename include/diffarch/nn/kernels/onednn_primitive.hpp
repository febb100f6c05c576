#pragma once

#include <array>
#include <cstddef>
#include <dnnl.hpp>
#include <initializer_list>
#include <string>
#include <utility>

#include "diffarch/core/error.hpp"

namespace diffarch {

/// A call of oneDNN failed. The message names the call and the sizes that it was for.
class OneDnnError : public Error {
 public:
  using Error::Error;
};

namespace nn::detail {

/// Does some work with oneDNN; its exceptions become OutOfMemory or OneDnnError, after `parts` of a message.
template <class Work, class... Parts>
void with_onednn(const Work& work, const Parts&... parts) {
  try {
    work();
  } catch (const dnnl::error& error) {
    const std::string text = diffarch::detail::concat("oneDNN: ", parts..., ": ", error.what());
    if (error.status == dnnl_out_of_memory) throw OutOfMemory(text);
    throw OneDnnError(diffarch::detail::concat(text, " (status ", static_cast<int>(error.status), ")"));
  }
}

[[nodiscard]] inline const dnnl::engine& onednn_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// One primitive with its arguments, bound once. It runs through the C interface, which takes a plain array where the
/// C++ one builds a map each time.
class OneDnnPrimitive {
 public:
  struct Argument {
    int name;
    dnnl::memory* memory;
  };

  OneDnnPrimitive() = default;
  OneDnnPrimitive(dnnl::primitive primitive, std::initializer_list<Argument> arguments)
      : primitive_(std::move(primitive)) {
    for (const auto& argument : arguments) arguments_[count_++] = {argument.name, argument.memory->get()};
  }

  /// The results are there on return: oneDNN's threads may be those of a runtime that only queues the work.
  void run(const dnnl::stream& stream) const {
    if (count_ == 0) return;
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(primitive_.get(), stream.get(), static_cast<int>(count_), arguments_.data()),
        "could not execute a primitive");
    dnnl::error::wrap_c_api(dnnl_stream_wait(stream.get()), "could not wait for a primitive");
  }

 private:
  dnnl::primitive primitive_;
  std::array<dnnl_exec_arg_t, 4> arguments_{};
  std::size_t count_ = 0;
};

}  // namespace nn::detail
}  // namespace diffarch
