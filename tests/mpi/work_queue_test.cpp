#include "diffarch/mpi/work_queue.hpp"

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "mpi/ranks.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

using SharedPlane = Bottleneck<2, BottleneckForm::plane>;

const CosineSchedule shared_schedule{.steps = 7};

SharedPlane shared_plane(bool warm_start) {
  return {{.epochs = 2, .batch_size = 8, .learning_rate = 1e-2, .warm_start = warm_start, .seed = Seed{5}}};
}

Batch<double> shared_data() { return random_matrix(2, 50, 1); }

std::vector<double> sum_over_ranks(std::vector<double> values) {
  MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return values;
}

/// A folder of rank 0, which all ranks see and none has made.
class SharedFolder {
 public:
  SharedFolder() {
    std::string text = (made_ / "").string();
    int size = static_cast<int>(text.size());
    MPI_Bcast(&size, 1, MPI_INT, 0, MPI_COMM_WORLD);
    text.resize(static_cast<std::size_t>(size));
    MPI_Bcast(text.data(), size, MPI_CHAR, 0, MPI_COMM_WORLD);
    path_ = text;
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder() { MPI_Barrier(MPI_COMM_WORLD); }

  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  TemporaryFolder made_;
  std::filesystem::path path_;
};

/// For every piece of work, how many ranks were told to do it. `is_finished(piece)` says what this rank does not ask
/// about; `finish(piece)` is called when this rank has done one; some ranks are slow.
template <class IsFinished, class Finish>
std::vector<double> times_done(mpi::WorkQueue& queue, Index pieces, const IsFinished& is_finished,
                               const Finish& finish) {
  std::vector<double> mine(static_cast<std::size_t>(pieces));
  for (Index piece = 0; piece < pieces; ++piece) {
    if (is_finished(piece) || !queue.claim(piece)) continue;
    mine[static_cast<std::size_t>(piece)] += 1.0;
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * session().rank()));
    finish(piece);
  }
  queue.wait();
  return sum_over_ranks(std::move(mine));
}

/// Outputs of all levels, which differ when any weight that matters does.
template <class Model>
std::vector<double> outcome_of(const Model& model) {
  std::vector<double> values;
  for (const auto& level : model.levels()) {
    const Batch<double> x0_hat = model.denoise(shared_data(), level.level);
    values.insert(values.end(), x0_hat.reshaped().begin(), x0_hat.reshaped().end());
  }
  return values;
}

std::vector<double> outcome_of_one_process(bool warm_start) {
  return outcome_of(fit(shared_plane(warm_start), shared_data(), shared_schedule));
}

/// The outcome of a training that is shared, and how many pieces of it all ranks together were told to do.
std::pair<std::vector<double>, double> shared_outcome(const std::filesystem::path& folder, bool warm_start,
                                                      mpi::WorkQueue& queue) {
  TrainingRun run = queue.share({.folder = folder});
  double pieces = 0.0;
  run.claim = [&pieces, claim = run.claim](Index level) {
    const bool is_mine = claim(level);
    if (is_mine) pieces += 1.0;
    return is_mine;
  };
  train(shared_plane(warm_start), shared_data(), shared_schedule, run);
  queue.wait();
  return {outcome_of(load_model<double>(shared_plane(warm_start), shared_schedule, folder)),
          sum_over_ranks({pieces})[0]};
}

}  // namespace

TEST_CASE("Every piece of work is done once, whichever ranks are slow", "[mpi]") {
  mpi::WorkQueue queue(session());
  const std::vector<double> times = times_done(
      queue, 40, [](Index) { return false; }, [](Index) {});
  CHECK(times == std::vector<double>(40, 1.0));
}

TEST_CASE("Pieces that a rank sees finished are left out, and no other is lost", "[mpi]") {
  const SharedFolder folder;
  mpi::WorkQueue queue(session());
  const auto file_of = [&](Index piece) { return folder / std::to_string(piece).c_str(); };
  // Multiples of 3 were done before; rank 1 looks for what others have done since, and comes too late for piece 1.
  const bool looks = session().rank() == 1;
  while (looks && !std::filesystem::exists(file_of(1))) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Index seen = 0;
  const auto is_finished = [&](Index piece) {
    const bool by_another = looks && std::filesystem::exists(file_of(piece));
    seen += by_another ? 1 : 0;
    return piece % 3 == 0 || by_another;
  };
  const std::vector<double> times = times_done(
      queue, 60, is_finished, [&](Index piece) { write_file_atomically(file_of(piece), std::string("done")); });
  for (Index piece = 0; piece < 60; ++piece) {
    CAPTURE(piece);
    CHECK(times[static_cast<std::size_t>(piece)] == (piece % 3 == 0 ? 0.0 : 1.0));
  }
  CHECK((seen > 0) == looks);
}

TEST_CASE("A piece that is asked about again stays with its rank", "[mpi]") {
  mpi::WorkQueue queue(session());
  double mine = 0.0;
  for (Index piece = 0; piece < 6; ++piece) {
    const bool first = queue.claim(piece);
    CHECK(queue.claim(piece) == first);
    mine += first ? 1.0 : 0.0;
  }
  queue.wait();
  CHECK(sum_over_ranks({mine})[0] == 6.0);
}

TEST_CASE("Nobody waits in vain, or goes on too early", "[mpi]") {
  const SharedFolder folder;
  mpi::WorkQueue queue(session());
  const auto name = [](int rank) { return std::to_string(rank); };
  std::this_thread::sleep_for(std::chrono::milliseconds(30 * session().rank()));
  write_file_atomically(folder / name(session().rank()).c_str(), std::string("here"));
  queue.wait();
  bool all = true;
  for (int rank = 0; rank < session().size(); ++rank) all = all && std::filesystem::exists(folder / name(rank).c_str());
  CHECK(all);
}

TEST_CASE("A training that ranks share gives bitwise the weights of one process", "[mpi][training]") {
  const SharedFolder folder;
  mpi::WorkQueue queue(session());
  const std::pair<bool, const char*> trainings[] = {{false, "cold"}, {true, "warm"}};
  for (const auto& [warm_start, name] : trainings) {
    CAPTURE(warm_start);
    const auto [weights, pieces] = shared_outcome(folder / name, warm_start, queue);
    CHECK(weights == outcome_of_one_process(warm_start));
    CHECK(pieces == (warm_start ? 1.0 : 7.0));
    // Again: nothing is left to do.
    const auto [again, nothing] = shared_outcome(folder / name, warm_start, queue);
    CHECK(again == weights);
    CHECK(nothing == 0.0);
  }
}

TEST_CASE("What an interrupted run of other ranks has left is shared anew", "[mpi][training]") {
  const SharedFolder folder;
  if (session().rank() == 0) {
    // One process alone got as far as the third level.
    int steps = 0;
    const TrainingRun run{.folder = folder / "run", .stop = [&steps] { return ++steps == 2 * 12 + 5; }};
    CHECK_THROWS_AS(train(shared_plane(false), shared_data(), shared_schedule, run), Interrupted);
  }
  mpi::WorkQueue queue(session());
  queue.wait();
  const auto [weights, pieces] = shared_outcome(folder / "run", false, queue);
  CHECK(weights == outcome_of_one_process(false));
  CHECK(pieces == 5.0);
}
