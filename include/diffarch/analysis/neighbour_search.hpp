#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/analysis/distance_bounds.hpp"
#include "diffarch/analysis/squared_distance.hpp"
#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/progress.hpp"

namespace diffarch {

/// The k nearest training samples of each query, nearest first.
struct NearestNeighbours {
  Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic> indices;  ///< (k, queries): columns of the training set
  Matrix<double> distances;                                      ///< (k, queries): Euclidean
};

/// Whether a query may be its own neighbour.
enum class SelfMatch {
  allowed,  ///< queries and training samples are different sets
  excluded  ///< query q is training sample q, and not a neighbour of itself (a copy of it elsewhere is one)
};

/// Exact k nearest neighbours of queries (d, q) in a training set that is given block by block, so that it need not fit
/// in memory; ties go to the lower index. What comes out depends on no block size, order of blocks or number of
/// threads.
///
/// Every pair gets a lower bound of its distance from matrix products in Scalar, and the pairs whose bound, less the
/// largest rounding error it can have, is not above the k-th distance so far are measured as |q - x| in double, lowest
/// bound first. The bound is the expanded square |q|^2 - 2 q.x + |x|^2 about the mean query, or later, of data with
/// many queries and values, that of the coordinates in a subspace S of 64 dimensions and of the length of what is
/// outside:
///   |q - x|^2 >= |S^T (q - x)|^2 + (|q - S S^T q| - |x - S S^T x|)^2.
/// S is about the leading principal subspace of the queries (`leading_subspace`); any S gives the same neighbours. When
/// S spares too little, as for data without a falling spectrum, the search goes on without it.
/// Cost O(d n q) at worst; memory O((d + k) q) beside tiles of the training set of a few million values.
template <class Scalar>
class NeighbourSearch {
 public:
  /// Throws InvalidArgument for k < 1, or naming the first query that is not finite.
  explicit NeighbourSearch(Batch<Scalar> queries, Index k, SelfMatch self = SelfMatch::allowed);

  /// Compares the training samples `block` (d, any number), whose indices are first_index, first_index + 1, ..., with
  /// the queries. Give every training sample once. Throws DimensionMismatch; InvalidArgument naming the first sample
  /// that is not finite: start the search again then. Reports the training samples of this block that are done.
  void add(const Eigen::Ref<const Batch<Scalar>, 0, Eigen::OuterStride<>>& block, Index first_index,
           const ProgressCallback& progress = {});

  /// Throws InvalidArgument while a query has seen fewer than k training samples.
  [[nodiscard]] NearestNeighbours result() const {
    NearestNeighbours found;
    found.indices.resize(k_, queries_.cols());
    found.distances.resize(k_, queries_.cols());
    for (Index q = 0; q < queries_.cols(); ++q) {
      auto nearest = best_[static_cast<std::size_t>(q)];
      detail::require(static_cast<Index>(nearest.size()) == k_, "NeighbourSearch: query ", q, " has seen ",
                      nearest.size(), " training samples, expected at least k = ", k_);
      std::sort(nearest.begin(), nearest.end());
      for (Index j = 0; j < k_; ++j) {
        found.indices(j, q) = nearest[static_cast<std::size_t>(j)].second;
        found.distances(j, q) = std::sqrt(nearest[static_cast<std::size_t>(j)].first);
      }
    }
    return found;
  }

 private:
  using Pair = std::pair<double, Index>;  // squared distance or bound, and index
  using View = Eigen::Ref<const Batch<Scalar>, 0, Eigen::OuterStride<>>;

  static constexpr Index subspace_dimension = detail::SearchSubspace<Scalar>::dimension;
  static constexpr Index tile_values = Index{1} << 22U;   // of training samples that threads share
  static constexpr Index strip = 64;                      // training samples of the least task
  static constexpr Index strip_values = Index{1} << 19U;  // of training samples of one product
  static constexpr Index subspace_after = 1024;           // training samples
  static constexpr Index subspace_trial = 512;
  static constexpr Index scan_chunk = 64;
  // Measuring a pair costs as much as the product of about eight.
  static constexpr double worthwhile_share = 0.125;
  static constexpr double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());

  using Bounds = detail::DistanceBounds<Scalar>;

  enum class SubspaceState {
    untried,  ///< too few training samples were seen, or the data are too small
    in_use,
    given_up  ///< the queries do not differ, or S spared too little
  };

  [[nodiscard]] static constexpr Index parts(Index size, Index part) noexcept { return (size + part - 1) / part; }

  static void require_finite(const View& samples, Index first_index, const char* what) {
    Vector<double> norms(samples.cols());
    parallel_for(parts(samples.cols(), strip), strip * samples.rows(), [&](Index task) {
      for (Index i = task * strip; i < std::min(samples.cols(), (task + 1) * strip); ++i)
        norms(i) = detail::squared_norm(samples.col(i).data(), samples.rows());
    });
    for (Index i = 0; i < norms.size(); ++i)
      detail::require(std::isfinite(norms(i)), "NeighbourSearch: ", what, " ", first_index + i,
                      " (a column) has a value that is NaN, infinite or too large to square");
  }

  void try_subspace() {
    subspace_ = detail::leading_subspace(queries_, centre_);
    state_ = subspace_.empty() ? SubspaceState::given_up : SubspaceState::in_use;
    bound_queries();
  }
  void give_up_subspace() {
    subspace_ = {};
    state_ = SubspaceState::given_up;
    bound_queries();
  }

  void find_bounds(const View& samples, Bounds& result) const {
    detail::find_distance_bounds(samples, centre_, subspace_, strip, result);
  }
  void bound_queries() {
    find_bounds(queries_, query_bounds_);
    query_bounds_.vectors *= Scalar(-2);  // exact, and saves a multiplication of every product
  }

  /// A task takes a group of queries through a part of the tile, by strips; where groups are few, parts are several.
  void add_tile(const View& samples, Index first_index);

  /// Finds the nearest of query q in one strip of a tile, from its products with -2 q; returns how many it measured.
  template <class Products>
  Index scan(const View& samples, const Bounds& training, Index first_index, Index first, const Products& products,
             Index q, std::vector<Pair>& found) const;

  /// Keeps the k least in a heap with the greatest in front.
  void keep_nearest(std::vector<Pair>& nearest, const Pair& pair) const {
    if (static_cast<Index>(nearest.size()) == k_) {
      if (nearest.front() < pair) return;
      std::pop_heap(nearest.begin(), nearest.end());
      nearest.pop_back();
    }
    nearest.push_back(pair);
    std::push_heap(nearest.begin(), nearest.end());
  }

  [[nodiscard]] static Scalar rounded_up(double value) noexcept {
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    if (!(value < static_cast<double>(std::numeric_limits<Scalar>::max()))) return infinity;
    return std::nextafter(static_cast<Scalar>(value), infinity);
  }

  Batch<Scalar> queries_;
  Index k_;
  SelfMatch self_;
  Index seen_ = 0;         // training samples
  Vector<Scalar> centre_;  // mean query, (d)
  detail::SearchSubspace<Scalar> subspace_;
  SubspaceState state_ = SubspaceState::untried;
  Index subspace_seen_ = 0;              // training samples, since there is a subspace
  double subspace_measured_ = 0.0;       // pairs, of those
  Bounds training_bounds_;               // of the last tile
  Bounds query_bounds_;                  // vectors times -2
  std::vector<std::vector<Pair>> best_;  // of each query, a heap with the farthest in front
};

template <class Scalar>
NeighbourSearch<Scalar>::NeighbourSearch(Batch<Scalar> queries, Index k, SelfMatch self)
    : queries_(std::move(queries)), k_(k), self_(self), best_(static_cast<std::size_t>(queries_.cols())) {
  detail::require(k >= 1, "NeighbourSearch: k = ", k, ", expected at least 1");
  require_finite(queries_, 0, "query");
  if (queries_.cols() == 0) return;
  centre_ =
      (queries_.template cast<double>().rowwise().sum() / static_cast<double>(queries_.cols())).template cast<Scalar>();
  bound_queries();
}

template <class Scalar>
void NeighbourSearch<Scalar>::add(const Eigen::Ref<const Batch<Scalar>, 0, Eigen::OuterStride<>>& block,
                                  Index first_index, const ProgressCallback& progress) {
  detail::require<DimensionMismatch>(block.rows() == queries_.rows(), "NeighbourSearch: training samples are ",
                                     detail::shape_text(block), ", queries ", detail::shape_text(queries_));
  ProgressReporter reporter(progress, "nearest neighbours", block.cols(), "training samples");
  const Index largest = strip * std::clamp<Index>(tile_values / (strip * std::max<Index>(block.rows(), 1)), 1, 256);
  for (Index first = 0; first < block.cols();) {
    // A subspace pays for itself by a few hundred samples; with distances known from the first ones, the next show
    // whether it is worth it.
    const bool may_try =
        state_ == SubspaceState::untried && std::min(queries_.cols(), block.rows()) >= 4 * subspace_dimension;
    if (may_try && seen_ >= subspace_after) try_subspace();
    const bool is_short = may_try || (state_ == SubspaceState::in_use && subspace_seen_ < subspace_trial);
    const Index size = std::min(is_short ? std::min(largest, subspace_trial) : largest, block.cols() - first);
    add_tile(block.middleCols(first, size), first_index + first);
    first += size;
    seen_ += size;
    reporter.advance(size);
  }
}

template <class Scalar>
void NeighbourSearch<Scalar>::add_tile(const View& samples, Index first_index) {
  require_finite(samples, first_index, "training sample");
  const Index queries = queries_.cols();
  if (queries == 0) return;
  find_bounds(samples, training_bounds_);
  const Bounds& training = training_bounds_;
  const detail::SerialEigen serial;
  const Index wanted = thread_count() == 1 ? 1 : 2 * thread_count();  // tasks; what they find is the same
  const Index group = std::clamp<Index>(parts(queries, wanted), 32, 256);
  const Index groups = parts(queries, group);
  // One product takes many samples where there are tasks enough, so that queries are packed less often.
  const Index product_strip =
      groups >= wanted ? 8 * strip
                       : strip * std::clamp<Index>(strip_values / (strip * std::max<Index>(samples.rows(), 1)), 1, 8);
  const Index part = product_strip * parts(parts(samples.cols(), product_strip), parts(wanted, groups));
  const Index tasks = groups * parts(samples.cols(), part);
  // The nearest of this part of the tile alone, at first_query and later, those of a task in a row.
  std::vector<std::vector<std::vector<Pair>>> nearest(static_cast<std::size_t>(tasks));
  std::vector<double> measured(static_cast<std::size_t>(tasks), 0.0);
  parallel_for(tasks, group * part * training.vectors.rows(), [&](Index task) {
    const Index first_query = (task % groups) * group;
    const Index count = std::min(group, queries - first_query);
    const Index begin = (task / groups) * part;
    const Index end = std::min(samples.cols(), begin + part);
    auto& found = nearest[static_cast<std::size_t>(task)];
    found.resize(static_cast<std::size_t>(count));
    Matrix<Scalar> products;
    for (Index first = begin; first < end; first += product_strip) {
      const Index size = std::min(product_strip, end - first);
      products.noalias() =
          training.vectors.middleCols(first, size).transpose() * query_bounds_.vectors.middleCols(first_query, count);
      for (Index q = 0; q < count; ++q)
        measured[static_cast<std::size_t>(task)] +=
            static_cast<double>(scan(samples, training, first_index, first, products.col(q), first_query + q,
                                     found[static_cast<std::size_t>(q)]));
    }
  });
  double all_measured = 0.0;
  for (Index task = 0; task < tasks; ++task) {
    const auto& found = nearest[static_cast<std::size_t>(task)];
    for (std::size_t q = 0; q < found.size(); ++q)
      for (const Pair& pair : found[q])
        keep_nearest(best_[static_cast<std::size_t>((task % groups) * group) + q], pair);
    all_measured += measured[static_cast<std::size_t>(task)];
  }
  if (state_ != SubspaceState::in_use) return;
  subspace_seen_ += samples.cols();
  subspace_measured_ += all_measured;
  const double pairs = static_cast<double>(subspace_seen_) * static_cast<double>(queries);
  if (subspace_seen_ >= subspace_trial && subspace_measured_ > worthwhile_share * pairs) give_up_subspace();
}

template <class Scalar>
template <class Products>
Index NeighbourSearch<Scalar>::scan(const View& samples, const Bounds& training, Index first_index, Index first,
                                    const Products& products, Index q, std::vector<Pair>& found) const {
  const auto& best = best_[static_cast<std::size_t>(q)];
  const auto query_norm = static_cast<double>(query_bounds_.squared_norms(q));
  const double scale = query_norm + training.largest_squared_norm;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  // Beyond, products may overflow and say nothing; below the normal numbers, they lose digits.
  const double product_error = 8.0 * scale > static_cast<double>(std::numeric_limits<Scalar>::max())
                                   ? infinity
                                   : static_cast<double>(training.vectors.rows() + 16) *
                                         (epsilon * scale + static_cast<double>(std::numeric_limits<Scalar>::min()));
  const double vector_error = query_bounds_.largest_error + training.largest_error;
  const double measure_error = static_cast<double>(samples.rows() + 2) * std::numeric_limits<double>::epsilon();
  // A pair with |w_x|^2 - 2 w_q.w_x above this is farther than the k-th so far.
  const auto cut = [&] {
    if (product_error == infinity) return infinity;
    double kth = infinity;
    for (const auto* nearest : {&best, &std::as_const(found)})
      if (static_cast<Index>(nearest->size()) == k_) kth = std::min(kth, nearest->front().first);
    const double reach = std::sqrt(kth) * (1.0 + measure_error) + vector_error;
    return reach * reach - query_norm + product_error;
  };

  std::vector<Pair> candidates;
  const Scalar scan_cut = rounded_up(cut());
  for (Index begin = 0; begin < products.size(); begin += scan_chunk) {
    const Index size = std::min(scan_chunk, products.size() - begin);
    const auto values = training.squared_norms.segment(first + begin, size) + products.segment(begin, size);
    if (values.minCoeff() > scan_cut) continue;
    for (Index i = 0; i < size; ++i) {
      const Scalar value = values(i);
      const Index column = first + begin + i;
      if (value > scan_cut || (self_ == SelfMatch::excluded && first_index + column == q)) continue;
      candidates.emplace_back(std::isnan(value) ? -infinity : static_cast<double>(value), column);
    }
  }
  if (candidates.empty()) return 0;
  const Vector<double> query = queries_.col(q).template cast<double>();
  std::make_heap(candidates.begin(), candidates.end(), std::greater<>{});
  Index measured = 0;
  for (auto end = candidates.end(); end != candidates.begin() && candidates.front().first <= cut(); --end) {
    std::pop_heap(candidates.begin(), end, std::greater<>{});
    const Index column = (end - 1)->second;
    ++measured;
    keep_nearest(found, {detail::squared_distance(samples.col(column).data(), query.data(), query.size()),
                         first_index + column});
  }
  return measured;
}

#ifdef DIFFARCH_COMPILED
extern template class NeighbourSearch<float>;
extern template class NeighbourSearch<double>;
#endif

}  // namespace diffarch
