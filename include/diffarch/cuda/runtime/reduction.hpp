#pragma once

#include <algorithm>

#include "diffarch/cuda/runtime/device_array.hpp"
#include "diffarch/cuda/runtime/lanes.hpp"
#include "diffarch/cuda/runtime/launch.hpp"

namespace diffarch::cuda {

namespace detail {

/// Block kernel: block j combines map(i, j) for i = 0 ... count - 1 and calls store(j, result). Every thread combines
/// every threads-th value in order, then halves of the block are combined: the order, and with it every bit, depends on
/// `count` alone.
template <class Value, class Map, class Combine, class Store>
struct Reduction {
  static constexpr int threads = 256;
  static constexpr int halvings = 8;
  struct Shared {
    Value values[threads];
  };

  Index count;
  Value identity;
  Map map;
  Combine combine;
  Store store;

  [[nodiscard]] constexpr int phases() const { return halvings + 2; }

  constexpr void operator()(int phase, Index block, int thread, Shared& shared) const {
    if (phase == 0) {
      Value value = identity;
      for (Index i = thread; i < count; i += threads) value = combine(value, map(i, block));
      shared.values[thread] = value;
    } else if (phase <= halvings) {
      const int active = threads >> phase;
      if (thread < active) shared.values[thread] = combine(shared.values[thread], shared.values[thread + active]);
    } else if (thread == 0) {
      store(block, shared.values[0]);
    }
  }
};

}  // namespace detail

/// a + b.
template <class Value>
struct Add {
  constexpr Value operator()(Value a, Value b) const { return a + b; }
};

template <class Value>
struct Maximum {
  constexpr Value operator()(Value a, Value b) const { return a < b ? b : a; }
};

template <class Value>
struct Minimum {
  constexpr Value operator()(Value a, Value b) const { return b < a ? b : a; }
};

/// values[j] = result.
template <class Value>
struct StoreAt {
  Value* values;
  constexpr void operator()(Index j, Value value) const { values[j] = value; }
};

/// For every j < columns: store(j, map(0, j) combined with map(1, j), ..., map(count - 1, j)). A block for each j, so
/// neighbouring i should be neighbours in memory.
template <class Value, class Map, class Store, class Combine = Add<Value>>
void reduce_columns(Index count, Index columns, const Map& map, const Store& store, const Combine& combine = {},
                    Value identity = {}) {
  for_each_block(columns, detail::Reduction<Value, Map, Combine, Store>{count, identity, map, combine, store});
}

namespace detail {

/// Block kernel: 32 rows and one of `parts` parts of the columns. Eight threads share a row: each combines every eighth
/// column in order, then halves of them are combined: partial[part + row parts].
template <class Value, class Map, class Combine>
struct RowPart {
  static constexpr int threads = 256;
  static constexpr int rows_at_once = 32;
  static constexpr int halvings = 3;
  struct Shared {
    Value values[threads];
  };

  Index rows, columns, parts;
  Value identity;
  Map map;
  Combine combine;
  Value* partial;

  [[nodiscard]] constexpr int phases() const { return halvings + 2; }

  constexpr void operator()(int phase, Index block, int thread, Shared& shared) const {
    const auto [group, part] = divide(block, parts);
    const Index row = group * rows_at_once + thread % rows_at_once;
    if (phase == 0) {
      constexpr Index stride = threads / rows_at_once;
      const Index end = columns * (part + 1) / parts;
      Index column = columns * part / parts + thread / rows_at_once;
      Value value = identity;
      if (row < rows) {
        // Four at a time: all are read before the first is combined.
        for (; column + 3 * stride < end; column += 4 * stride) {
          const Value first = map(row, column);
          const Value second = map(row, column + stride);
          const Value third = map(row, column + 2 * stride);
          const Value fourth = map(row, column + 3 * stride);
          value = combine(combine(combine(combine(value, first), second), third), fourth);
        }
        for (; column < end; column += stride) value = combine(value, map(row, column));
      }
      shared.values[thread] = value;
    } else if (phase <= halvings) {
      const int active = threads >> phase;
      if (thread < active) shared.values[thread] = combine(shared.values[thread], shared.values[thread + active]);
    } else if (thread < rows_at_once && row < rows) {
      partial[row * parts + part] = shared.values[thread];
    }
  }
};

/// Element i of column j of a matrix with `rows` rows.
template <class Value>
struct LoadColumn {
  const Value* values;
  Index rows;
  constexpr Value operator()(Index i, Index column) const { return values[column * rows + i]; }
};

}  // namespace detail

/// In how many parts `reduce_rows` takes the columns.
[[nodiscard]] constexpr Index row_parts(Index columns) { return std::clamp<Index>(columns / 64, 1, 1024); }

/// For every i < rows: store(i, map(i, 0) combined with ... map(i, columns - 1)), in an order that `columns` alone
/// decides. Neighbouring rows should be neighbours in memory: a block for 32 rows and each of up to 1024 parts of the
/// columns, and then a block for each row. `partial`: memory for rows x row_parts(columns) values.
template <class Value, class Map, class Store, class Combine = Add<Value>>
void reduce_rows(Index rows, Index columns, const Map& map, const Store& store, Value* partial,
                 const Combine& combine = {}, Value identity = {}) {
  using Part = detail::RowPart<Value, Map, Combine>;
  const Index parts = row_parts(columns);
  for_each_block((rows + Part::rows_at_once - 1) / Part::rows_at_once * parts,
                 Part{rows, columns, parts, identity, map, combine, partial});
  reduce_columns<Value>(parts, rows, detail::LoadColumn<Value>{partial, parts}, store, combine, identity);
}

/// Overload that allocates the memory for its partial results.
template <class Value, class Map, class Store>
void reduce_rows(Index rows, Index columns, const Map& map, const Store& store) {
  DeviceArray<Value> partial(rows, row_parts(columns));
  reduce_rows<Value>(rows, columns, map, store, partial.data());
}

namespace detail {

/// Chunk j % chunks of column j / chunks.
template <class Value, class Map>
struct MapChunk {
  Index count, chunk, chunks;
  Value identity;
  Map map;
  constexpr Value operator()(Index i, Index j) const {
    const Index column = j / chunks;
    const Index at = (j - column * chunks) * chunk + i;
    return at < count ? map(at, column) : identity;
  }
};

template <class Map>
struct OneColumn {
  Map map;
  constexpr auto operator()(Index i, Index /*column*/) const { return map(i); }
};

}  // namespace detail

/// As reduce_columns, for few and long columns: a block for every 2^11 elements of each, and for more of those longer
/// than 2^21.
template <class Value, class Map, class Store, class Combine = Add<Value>>
void reduce_long_columns(Index count, Index columns, const Map& map, const Store& store, const Combine& combine = {},
                         Value identity = {}) {
  const Index chunk = std::clamp<Index>(count / 1024, 1 << 11, 1 << 14);
  const Index chunks = (count + chunk - 1) / chunk;
  DeviceArray<Value> partial(chunks, columns);
  reduce_columns<Value>(std::min(chunk, count), chunks * columns,
                        detail::MapChunk<Value, Map>{count, chunk, chunks, identity, map},
                        StoreAt<Value>{partial.data()}, combine, identity);
  reduce_columns<Value>(chunks, columns, detail::LoadColumn<Value>{partial.data(), chunks}, store, combine, identity);
}

/// map(0) combined with map(1), ..., map(count - 1), on the host. Waits for the device.
template <class Value, class Map, class Combine = Add<Value>>
[[nodiscard]] Value reduce(Index count, const Map& map, const Combine& combine = {}, Value identity = {}) {
  if (count <= 0) return identity;
  DeviceArray<Value> total(1, 1);
  reduce_long_columns<Value>(count, 1, detail::OneColumn<Map>{map}, StoreAt<Value>{total.data()}, combine, identity);
  Value result;
  total.copy_to_host(&result, 1);
  return result;
}

}  // namespace diffarch::cuda
