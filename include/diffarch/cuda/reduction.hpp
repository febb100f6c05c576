#pragma once

#include <algorithm>

#include "diffarch/cuda/device_array.hpp"
#include "diffarch/cuda/launch.hpp"

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

/// Part `part` of `parts` of the columns of row `row`: partial[row + part rows].
template <class Value, class Map, class Combine>
struct RowPart {
  Index rows, columns, parts;
  Value identity;
  Map map;
  Combine combine;
  Value* partial;
  constexpr void operator()(Index row, Index part) const {
    Value value = identity;
    for (Index column = columns * part / parts; column < columns * (part + 1) / parts; ++column)
      value = combine(value, map(row, column));
    partial[part * rows + row] = value;
  }
};

template <class Value>
struct LoadPart {
  Index rows;
  const Value* partial;
  constexpr Value operator()(Index part, Index row) const { return partial[part * rows + row]; }
};

}  // namespace detail

/// In how many parts `reduce_rows` takes the columns.
[[nodiscard]] constexpr Index row_parts(Index columns) { return std::clamp<Index>(columns / 16, 1, 4096); }

/// For every i < rows: store(i, map(i, 0) combined with ... map(i, columns - 1)). Neighbouring rows should be
/// neighbours in memory: a thread for each row and each of up to 4096 parts of the columns, a number that `columns`
/// decides, and then a block for each row. `partial`: memory for rows x row_parts(columns) values.
template <class Value, class Map, class Store, class Combine = Add<Value>>
void reduce_rows(Index rows, Index columns, const Map& map, const Store& store, Value* partial,
                 const Combine& combine = {}, Value identity = {}) {
  const Index parts = row_parts(columns);
  for_each(rows, parts, detail::RowPart<Value, Map, Combine>{rows, columns, parts, identity, map, combine, partial});
  reduce_columns<Value>(parts, rows, detail::LoadPart<Value>{rows, partial}, store, combine, identity);
}

/// The same in memory of its own.
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

template <class Value>
struct LoadColumn {
  const Value* values;
  Index rows;
  constexpr Value operator()(Index i, Index column) const { return values[column * rows + i]; }
};

template <class Map>
struct OneColumn {
  Map map;
  constexpr auto operator()(Index i, Index /*column*/) const { return map(i); }
};

}  // namespace detail

/// As reduce_columns, for few and long columns: a block for every 2^14 elements of each.
template <class Value, class Map, class Store, class Combine = Add<Value>>
void reduce_long_columns(Index count, Index columns, const Map& map, const Store& store, const Combine& combine = {},
                         Value identity = {}) {
  constexpr Index chunk = 1 << 14;
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
