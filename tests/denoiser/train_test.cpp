#include "diffarch/denoiser/train.hpp"

#include <algorithm>
#include <fstream>

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"
#include "tested_kernels.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

using TrainedPlane = Bottleneck<2, BottleneckForm::plane>;

const CosineSchedule train_schedule{.steps = 3};

TrainedPlane trained_plane(bool warm_start) {
  return {{.epochs = 4, .batch_size = 8, .learning_rate = 1e-2, .warm_start = warm_start, .seed = Seed{5}}};
}

Batch<double> train_data() { return random_matrix(2, 50, 1); }

/// Outputs of all levels, which differ when any weight that matters does, and the losses.
template <class Model>
std::vector<double> train_outcome(const Model& model) {
  std::vector<double> values;
  for (const auto& level : model.levels()) {
    const Batch<double> x0_hat = denoise_on(model, train_data(), level.level);
    values.insert(values.end(), x0_hat.reshaped().begin(), x0_hat.reshaped().end());
    values.insert(values.end(), level.losses.begin(), level.losses.end());
  }
  return values;
}

template <class Change>
std::vector<double> train_loaded(const std::filesystem::path& folder, bool warm_start, const Change& change) {
  TrainingRun run{.folder = folder};
  change(run);
  train(trained_plane(warm_start), train_data(), train_schedule, run, TestedBackend{});
  return train_outcome(load_model<double>(trained_plane(warm_start), train_schedule, folder, TestedBackend{}));
}

/// Whether an outcome is that of `fit`, which may train levels together without warm start: bitwise where batched
/// products have the bits of single ones, else up to rounding, which Adam may enlarge.
bool is_that_of_fit(const std::vector<double>& outcome, const std::vector<double>& of_fit, bool warm_start) {
  if (warm_start || TestedKernels::stack_bytes == 0 || batched_products_have_bits) return outcome == of_fit;
  return std::equal(outcome.begin(), outcome.end(), of_fit.begin(), of_fit.end(),
                    [](double a, double b) { return a == Approx(b).epsilon(1e-9).margin(1e-9); });
}

TrainedPlane plane_for_all_levels(Conditioning conditioning = Conditioning::noise_level) {
  TrainedPlane architecture = trained_plane(false);
  architecture.training.conditioning = conditioning;
  architecture.training.levels = LevelSharing::one_network;
  architecture.training.averaging_decay = 0.9;
  return architecture;
}

/// Outputs at all levels of one network for them, and its losses.
template <class Model>
std::vector<double> shared_outcome(const Model& model) {
  std::vector<double> values = model.levels().front().losses;
  for (const NoiseLevel level : train_schedule.levels()) {
    const Batch<double> x0_hat = denoise_on(model, train_data(), level);
    values.insert(values.end(), x0_hat.reshaped().begin(), x0_hat.reshaped().end());
  }
  return values;
}

}  // namespace

TEST_CASE("A training in a folder gives bitwise the model of fit", "[denoiser][nn][training]") {
  for (const bool warm_start : {false, true}) {
    const TemporaryFolder folder;
    const auto in_memory = train_outcome(fit(trained_plane(warm_start), train_data(), train_schedule, TestedBackend{}));
    const auto in_folder = train_loaded(folder / "run", warm_start, [](TrainingRun&) {});
    CHECK(is_that_of_fit(in_folder, in_memory, warm_start));
    // A finished training that is resumed is only loaded.
    CHECK(train_loaded(folder / "run", warm_start, [](TrainingRun& run) { run.resume = true; }) == in_folder);
  }
}

/// Trains in a folder, stopped after every `stride` steps and resumed, until it is done. `check` gets the message of
/// every stop. Returns how many stops there were, at most `most`.
template <class Check>
int train_with_stops(const TrainedPlane& architecture, const std::filesystem::path& folder, int stride, int most,
                     const Check& check) {
  TrainingRun run{.folder = folder};
  int stops = 0;
  for (bool done = false; !done; run.resume = true) {
    int count = 0;
    run.stop = [&] { return ++count >= stride; };
    try {
      train(architecture, train_data(), train_schedule, run, TestedBackend{});
      done = true;
    } catch (const Interrupted& stop) {
      ++stops;
      check(std::string(stop.what()));
    }
    REQUIRE(stops <= most);
  }
  return stops;
}

TEST_CASE("A training that is stopped after any number of steps resumes to bitwise the same model",
          "[denoiser][nn][training]") {
  const auto uninterrupted = train_outcome(fit(trained_plane(true), train_data(), train_schedule, TestedBackend{}));
  constexpr int steps = 3 * 4 * 6;
  for (const int stride : {1, 5, 17}) {
    CAPTURE(stride);
    const TemporaryFolder folder;
    const int stops = train_with_stops(trained_plane(true), folder / "run", stride, steps, [](const std::string& what) {
      REQUIRE(what.find("level_") != std::string::npos);
    });
    CHECK(stops == steps / stride);
    CHECK(train_outcome(load_model<double>(trained_plane(true), train_schedule, folder / "run", TestedBackend{})) ==
          uninterrupted);
  }
}

TEST_CASE("A data set and an expression are trained on as the batch that they are", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  const auto outcome_of = [&](const char* name, const auto& data) {
    train(trained_plane(true), data, train_schedule, {.folder = folder / name}, TestedBackend{});
    return train_outcome(load_model<double>(trained_plane(true), train_schedule, folder / name, TestedBackend{}));
  };
  const Batch<double> more = random_matrix(2, 60, 1);
  const auto right = outcome_of("batch", Batch<double>(more.leftCols(50)));
  CHECK(outcome_of("expression", more.leftCols(50)) == right);
  CHECK(outcome_of("dataset", Dataset<double>(more.leftCols(50), ImageShape{1, 1, 2}, "plane")) == right);
  // Single precision unless told otherwise.
  const auto model = load_model(trained_plane(true), train_schedule, folder / "batch", TestedBackend{});
  STATIC_REQUIRE(std::is_same_v<decltype(model)::Scalar, float>);
}

TEST_CASE("A training that diverges leaves no level behind, resumed neither", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  auto architecture = trained_plane(false);
  architecture.training.learning_rate = 1e300;
  TrainingRun run{.folder = folder / "run", .checkpoint_seconds = 1e-9};
  for (int i = 0; i < 2; ++i) {
    const std::string message =
        message_of<NumericalError>([&] { train(architecture, train_data(), train_schedule, run, TestedBackend{}); });
    CHECK_THAT(message, ContainsSubstring("level 1 of 3: training: ") && ContainsSubstring("epoch 1 of 4, step ") &&
                            ContainsSubstring("a smaller learning rate may help"));
    CHECK_FALSE(std::filesystem::exists(folder / "run" / "level_00.safetensors"));
    run.resume = true;
  }
  CHECK_THAT(
      message_of<NumericalError>([&] { (void)fit(architecture, train_data(), train_schedule, TestedBackend{}); }),
      ContainsSubstring("training: ") && ContainsSubstring("epoch 1 of 4, step "));
}

TEST_CASE("Levels trained in different folders merge to the model of one training", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  const auto whole = train_outcome(fit(trained_plane(false), train_data(), train_schedule, TestedBackend{}));
  const auto part = [&](const char* name, Index first, Index end) {
    train(trained_plane(false), train_data(), train_schedule,
          {.folder = folder / name, .first_level = first, .end_level = end}, TestedBackend{});
  };
  part("a", 2, 3);
  part("b", 0, 1);
  CHECK(nn::merge_trainings({folder / "a", folder / "b"}, folder / "all") == std::vector<Index>{1});
  CHECK(message_of<FileError>([&] {
          (void)load_model<double>(trained_plane(false), train_schedule, folder / "all", TestedBackend{});
        }).find("level_01") != std::string::npos);
  part("c", 1, 2);
  CHECK(nn::merge_trainings({folder / "c"}, folder / "all").empty());
  CHECK(is_that_of_fit(
      train_outcome(load_model<double>(trained_plane(false), train_schedule, folder / "all", TestedBackend{})), whole,
      false));
}

TEST_CASE("Processes that claim levels of one folder train the model of one process", "[denoiser][nn][training]") {
  for (const bool warm_start : {false, true}) {
    CAPTURE(warm_start);
    const TemporaryFolder folder;
    const auto whole = train_outcome(fit(trained_plane(warm_start), train_data(), train_schedule, TestedBackend{}));
    std::vector<Index> asked;
    const auto process = [&](Index first, auto claims) {
      asked.clear();
      TrainingRun run{.folder = folder / "run", .first_level = first, .resume = true};
      run.claim = [&](Index level) {
        asked.push_back(level);
        return claims(level);
      };
      train(trained_plane(warm_start), train_data(), train_schedule, run, TestedBackend{});
    };
    process(0, [](Index /*level*/) { return false; });
    CHECK(asked == (warm_start ? std::vector<Index>{0} : std::vector<Index>{0, 1, 2}));
    CHECK(std::filesystem::exists(folder / "run" / "training.json"));
    CHECK_FALSE(std::filesystem::exists(folder / "run" / "level_00.safetensors"));
    process(0, [](Index level) { return level == 1; });
    CHECK(std::filesystem::exists(folder / "run" / "level_01.safetensors") == !warm_start);
    process(0, [](Index level) { return level == 0; });
    CHECK(asked == (warm_start ? std::vector<Index>{0} : std::vector<Index>{0, 2}));
    process(1, [](Index /*level*/) { return true; });
    CHECK(asked == (warm_start ? std::vector<Index>{} : std::vector<Index>{2}));
    CHECK(is_that_of_fit(
        train_outcome(load_model<double>(trained_plane(warm_start), train_schedule, folder / "run", TestedBackend{})),
        whole, warm_start));
  }
}

TEST_CASE("A training refuses what does not belong to it", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  const auto run_again = [&](const TrainedPlane& architecture, const Batch<double>& data, const TrainingRun& run) {
    return message_of<FileError>([&] { train(architecture, data, train_schedule, run, TestedBackend{}); });
  };
  train(trained_plane(false), train_data(), train_schedule, {.folder = folder / "run"}, TestedBackend{});
  CHECK(run_again(trained_plane(false), train_data(), {.folder = folder / "run"}).find("resume it") !=
        std::string::npos);
  CHECK(run_again(trained_plane(true), train_data(), {.folder = folder / "run", .resume = true})
            .find("\"warm_start\" is false, expected true") != std::string::npos);
  Batch<double> other = train_data();
  other(1, 7) += 1e-15;
  CHECK(run_again(trained_plane(false), other, {.folder = folder / "run", .resume = true}).find("data_checksum") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] {
          (void)load_model<double>(trained_plane(false), CosineSchedule{.steps = 4}, folder / "run", TestedBackend{});
        }).find("\"levels\"") != std::string::npos);
  CHECK(message_of<FileError>([&] {
          (void)load_model<double>(Bottleneck<3, BottleneckForm::plane>{}, train_schedule, folder / "run",
                                   TestedBackend{});
        }).find("expected \"Bottleneck<3, plane>\"") != std::string::npos);
  CHECK_THROWS_AS(train(trained_plane(false), train_data(), train_schedule, {.folder = folder / "b", .first_level = 3},
                        TestedBackend{}),
                  InvalidArgument);
  CHECK(message_of<InvalidArgument>([&] {
          train(trained_plane(true), train_data(), train_schedule, {.folder = folder / "c", .first_level = 1},
                TestedBackend{});
        }).find("level 0, which is not trained yet") != std::string::npos);
}

TEST_CASE("A loss that is not finite names level, epoch and step and keeps the last checkpoint",
          "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  TrainedPlane diverging = trained_plane(false);
  diverging.training.learning_rate = 1e160;
  const std::string message = message_of<NumericalError>([&] {
    train(diverging, train_data(), train_schedule, {.folder = folder / "run", .checkpoint_seconds = 1e-9},
          TestedBackend{});
  });
  CAPTURE(message);
  CHECK(message.find("level 1 of 3") != std::string::npos);
  CHECK(message.find("epoch 1 of 4, step ") != std::string::npos);
  CHECK(message.find("is kept in") != std::string::npos);
  const auto checkpoint = folder / "run" / "level_00.checkpoint.safetensors";
  CHECK(read_safetensors(checkpoint).metadata.contains("diffarch.training"));
}

TEST_CASE("Progress of a training counts images, with the loss, and skips what is done", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  std::vector<Progress> reports;
  const ProgressCallback progress = [&](const Progress& report) { reports.push_back(report); };
  train(trained_plane(false), train_data(), train_schedule, {.folder = folder / "run", .end_level = 2}, TestedBackend{},
        progress);
  REQUIRE_FALSE(reports.empty());
  CHECK(reports.back().done == 2 * 4 * 48);
  CHECK(reports.back().total == 2 * 4 * 48);
  CHECK(reports.back().unit == "images");
  CHECK(reports.back().status.find("level 2 of 3, loss ") != std::string::npos);
  train(trained_plane(false), train_data(), train_schedule, {.folder = folder / "run", .resume = true}, TestedBackend{},
        progress);
  CHECK(reports.back().total == 3 * 4 * 48);
  CHECK(reports.back().done_before == 2 * 4 * 48);
}

TEST_CASE("Weights do not belong to the backend they were trained on", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  const Batch<float> data = train_data().cast<float>();
  train(trained_plane(false), data, train_schedule, {.folder = folder / "run"}, TestedBackend{});
  const auto here = load_model<float>(trained_plane(false), train_schedule, folder / "run", TestedBackend{});
  const auto on_the_host = load_model<float>(trained_plane(false), train_schedule, folder / "run", Cpu{});
  for (const auto& level : here.levels()) {
    const Batch<float> expected = on_the_host.denoise(data, level.level);
    CHECK(relative_difference(denoise_on(here, data, level.level), expected) < 1e-5);
  }
}

TEST_CASE("One network for all levels, stopped after any number of steps, is bitwise that of fit",
          "[denoiser][nn][training]") {
  constexpr int steps = 4 * 6;
  for (const auto& [stride, conditioning] :
       {std::pair{1, Conditioning::noise_level}, {5, Conditioning::none}, {100, Conditioning::noise_level}}) {
    CAPTURE(stride);
    const TrainedPlane architecture = plane_for_all_levels(conditioning);
    const auto in_memory = shared_outcome(fit(architecture, train_data(), train_schedule, TestedBackend{}));
    const TemporaryFolder folder;
    const int stops = train_with_stops(architecture, folder / "run", stride, steps, [](const std::string& what) {
      REQUIRE_THAT(what, ContainsSubstring("stopped in the network for all levels") &&
                             ContainsSubstring("all_levels.checkpoint.safetensors"));
    });
    CHECK(stops == steps / stride);
    // What the folder says is enough: the architecture need not be told.
    CHECK(shared_outcome(load_model<double>(TrainedPlane{}, train_schedule, folder / "run", TestedBackend{})) ==
          in_memory);
    // One file of weights; a finished training that is resumed is only loaded.
    train(architecture, train_data(), train_schedule, {.folder = folder / "run", .resume = true}, TestedBackend{},
          [](const Progress& progress) { CHECK(progress.done_before == 4 * 48); });
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "run"))
      files.push_back(entry.path().filename().string());
    std::sort(files.begin(), files.end());
    CHECK(files == std::vector<std::string>{"all_levels.safetensors", "training.json", "training.lock"});
    const auto curves = nn::training_losses(folder / "run");
    REQUIRE(curves.size() == 1);
    CHECK(curves[0].losses == std::vector<double>(in_memory.begin(), in_memory.begin() + 4));
    CHECK(nn::merge_trainings({folder / "run"}, folder / "all").empty());
    CHECK(shared_outcome(load_model<double>(TrainedPlane{}, train_schedule, folder / "all", TestedBackend{})) ==
          in_memory);
  }
}

TEST_CASE("One network for all levels is claimed once", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  std::vector<Index> asked;
  const auto process = [&](bool claims) {
    asked.clear();
    TrainingRun run{.folder = folder / "run", .resume = true};
    run.claim = [&](Index level) {
      asked.push_back(level);
      return claims;
    };
    train(plane_for_all_levels(), train_data(), train_schedule, run, TestedBackend{});
  };
  process(false);
  CHECK(asked == std::vector<Index>{0});
  CHECK(nn::merge_trainings({folder / "run"}, folder / "all") == std::vector<Index>{0, 1, 2});
  CHECK_FALSE(std::filesystem::exists(folder / "run" / "all_levels.safetensors"));
  process(true);
  CHECK(std::filesystem::exists(folder / "run" / "all_levels.safetensors"));
  process(true);
  CHECK(asked.empty());
}

TEST_CASE("A training of one network for all levels refuses what does not belong to it", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  const auto refusal = [&](const TrainedPlane& architecture, const TrainingRun& run) {
    return message_of<InvalidArgument>(
        [&] { train(architecture, train_data(), train_schedule, run, TestedBackend{}); });
  };
  for (const auto& [first, end] : {std::pair<Index, Index>{1, -1}, {0, 2}})
    CHECK_THAT(refusal(plane_for_all_levels(), {.folder = folder / "run", .first_level = first, .end_level = end}),
               ContainsSubstring("with LevelSharing::one_network, expected all 3"));
  TrainedPlane warm = plane_for_all_levels();
  warm.training.warm_start = true;
  CHECK_THAT(refusal(warm, {.folder = folder / "run"}), ContainsSubstring("warm_start with levels"));
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
  CHECK_THAT(message_of<InvalidArgument>([&] {
               (void)fit(plane_for_all_levels(), Batch<double>(Batch<double>::Zero(2, 20)), train_schedule,
                         TestedBackend{});
             }),
             ContainsSubstring("root mean square of the data is 0"));

  const auto another = [&](const TrainedPlane& architecture) {
    return message_of<nn::OtherTraining>([&] {
      train(architecture, train_data(), train_schedule, {.folder = folder / "run", .resume = true}, TestedBackend{});
    });
  };
  TrainedPlane per_level = plane_for_all_levels();
  per_level.training.levels = LevelSharing::per_level;
  train(plane_for_all_levels(), train_data(), train_schedule, {.folder = folder / "run"}, TestedBackend{});
  CHECK_THAT(another(per_level), ContainsSubstring("is \"one for all levels\", expected \"one for each level\""));
  CHECK_THAT(another(plane_for_all_levels(Conditioning::none)),
             ContainsSubstring("\"conditioning\" is \"noise level\", expected \"none\""));
  std::filesystem::remove_all(folder / "run");
  train(per_level, train_data(), train_schedule, {.folder = folder / "run"}, TestedBackend{});
  CHECK_THAT(another(plane_for_all_levels()),
             ContainsSubstring("is \"one for each level\", expected \"one for all levels\""));
}

TEST_CASE("Weights of one network for all levels need the scale of their data", "[denoiser][nn][training]") {
  const TemporaryFolder folder;
  train(plane_for_all_levels(), train_data(), train_schedule, {.folder = folder / "run"}, TestedBackend{});
  const auto path = folder / "run" / "all_levels.safetensors";
  const auto load = [&] { (void)load_model<double>(TrainedPlane{}, train_schedule, folder / "run", TestedBackend{}); };
  SafetensorsFile file = read_safetensors(path);
  for (const char* scale : {"\"1\"", "0", "-1", "nonsense", ""}) {
    file.metadata["diffarch.data_scale"] = scale;
    if (*scale == '\0') file.metadata.erase("diffarch.data_scale");
    write_safetensors(path, file.tensors, file.metadata);
    CHECK_THAT(message_of<FileError>(load), ContainsSubstring("expected the metadata diffarch.data_scale to be"));
  }
  std::filesystem::remove(path);
  CHECK_THAT(message_of<FileError>(load), ContainsSubstring("all_levels"));
}
