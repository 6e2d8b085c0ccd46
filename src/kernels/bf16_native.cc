#include "kernels/bf16_native.h"

#include "raie/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace raie::kernels {

#if defined(__x86_64__)
namespace {

#define RAIE_NATIVE_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

constexpr int kNativeRows = 12;
constexpr std::int64_t kPairsAtOnce = 8;
constexpr std::int64_t kLine = 64 / sizeof(Bfloat16);

// What one tile of rows fetches of the next panel, a few cache lines at a time: the weights of a
// model are larger than any cache, and the hardware looks ahead only when a panel begins.
class NextPanel {
 public:
  // Tiles are of `tile_rows` rows; FetchSome is called once for `pairs_at_once` pairs.
  NextPanel(const NativeTile& tile, std::int64_t begin, std::int64_t tile_rows,
            std::int64_t pairs_at_once) {
    if (tile.next == nullptr) return;
    const std::int64_t lines = 2 * tile.pairs;  // of a panel
    const std::int64_t tiles = (tile.rows + tile_rows - 1) / tile_rows;
    const std::int64_t number = begin / tile_rows;
    const std::int64_t first = lines * number / tiles;
    left_ = lines * (number + 1) / tiles - first;
    at_ = tile.next + first * kLine;
    const std::int64_t blocks = (tile.pairs + pairs_at_once - 1) / pairs_at_once;
    a_time_ = (left_ + blocks - 1) / blocks;
  }
  void FetchSome() {
    for (std::int64_t i = 0; i < a_time_ && left_ > 0; ++i, --left_, at_ += kLine) {
      __builtin_prefetch(at_, 0, 2);
    }
  }

 private:
  const Bfloat16* at_ = nullptr;
  std::int64_t left_ = 0, a_time_ = 0;
};

template <int kRows>
RAIE_NATIVE_BF16 void TileRows(const NativeTile& tile, std::int64_t begin) {
  __m512 sum[kRows][2];
  const float* const init = tile.init == nullptr ? nullptr : tile.init + begin * tile.init_stride;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      sum[r][v] = init == nullptr ? _mm512_setzero_ps()
                                  : _mm512_loadu_ps(init + r * tile.init_stride + v * 16);
    }
  }
  const Bfloat16* const a = tile.a + begin * tile.a_stride;
  const Bfloat16* panel = tile.panel;
  NextPanel next(tile, begin, kNativeRows, kPairsAtOnce);
  for (std::int64_t k = 0; k < tile.pairs;) {
    next.FetchSome();
    for (const std::int64_t end = std::min(k + kPairsAtOnce, tile.pairs); k < end;
         ++k, panel += 64) {
      const auto b0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel));
      const auto b1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel + 32));
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        int pair;
        std::memcpy(&pair, a + r * tile.a_stride + 2 * k, sizeof(pair));
        const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
        sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, b0);
        sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, b1);
      }
    }
  }
  float* const c = tile.c + begin * tile.c_stride;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(c + r * tile.c_stride, sum[r][0]);
    _mm512_storeu_ps(c + r * tile.c_stride + 16, sum[r][1]);
  }
}

template <int kRows>
RAIE_NATIVE_BF16 void RowsFrom(const NativeTile& tile, std::int64_t begin) {
  for (; begin + kRows <= tile.rows; begin += kRows) TileRows<kRows>(tile, begin);
  if constexpr (kRows > 1) {
    if (begin < tile.rows) RowsFrom<(kRows > 8 ? 8 : kRows / 2)>(tile, begin);
  }
}

#define RAIE_AMX_BF16 __attribute__((target("amx-tile,amx-bf16")))

constexpr std::int64_t kPanelColumns = 32;
constexpr std::int64_t kTileColumns = 16;

// What LDTILECFG reads: every tile has 16 rows of 64 bytes.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{64, 64, 64, 64, 64, 64, 64, 64};
  std::array<std::uint8_t, 16> rows{16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShapes) == 64);

RAIE_AMX_BF16 void ShapeTiles() {
  static constexpr TileShapes kShapes;
  _tile_loadconfig(&kShapes);
}

RAIE_AMX_BF16 void ReleaseTiles() { _tile_release(); }

// Whether the processor has AMX for bf16.
bool KnowsTiles() {
  constexpr unsigned kBf16 = 1U << 22, kTile = 1U << 24;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kBf16) != 0 && (d & kTile) != 0;
}

// Linux lends tile registers to processes that ask.
bool AskForTiles() {
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// Sixteen rows of C as a tile register reads and writes them: in place where all are there,
// otherwise through a copy.
class TileOfC {
 public:
  TileOfC(const NativeTile& tile, std::int64_t begin)
      : rows_(std::min(kAmxRows, tile.rows - begin)),
        c_(tile.c + begin * tile.c_stride),
        c_stride_(tile.c_stride),
        init_(tile.init == nullptr ? nullptr : tile.init + begin * tile.init_stride),
        init_stride_(tile.init_stride) {
    if (rows_ == kAmxRows) return;
    if (init_ != nullptr && init_stride_ != 0) {
      Copy(init_, init_stride_, copy_.data(), kPanelColumns);
      init_ = copy_.data();
      init_stride_ = kPanelColumns;
    }
    c_ = copy_.data();
    c_stride_ = kPanelColumns;
    behind_ = tile.c + begin * tile.c_stride;
    behind_stride_ = tile.c_stride;
  }
  const float* init() const { return init_; }
  std::int64_t init_bytes() const { return init_stride_ * std::int64_t{sizeof(float)}; }
  float* c() const { return c_; }
  std::int64_t c_bytes() const { return c_stride_ * std::int64_t{sizeof(float)}; }
  // The tile registers are stored.
  void Finish() const {
    if (behind_ != nullptr) Copy(copy_.data(), kPanelColumns, behind_, behind_stride_);
  }

 private:
  void Copy(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride) const {
    for (std::int64_t r = 0; r < rows_; ++r) {
      std::copy_n(from + r * from_stride, kPanelColumns, to + r * to_stride);
    }
  }

  std::int64_t rows_;
  float* c_;
  std::int64_t c_stride_;
  const float* init_;
  std::int64_t init_stride_;
  float* behind_ = nullptr;  // where the copy goes
  std::int64_t behind_stride_ = 0;
  alignas(64) std::array<float, kAmxRows * kPanelColumns> copy_;
};

// Numbers of a tile of rows or columns, and what is fetched ahead of their use.
constexpr std::int64_t kTileNumbers = kAmxRows * 2 * kAmxPairs;
constexpr std::int64_t kTilesAhead = 2;
constexpr std::int64_t kTileBytes = 64;  // of a tile's row

RAIE_AMX_BF16 void FetchTile(const Bfloat16* tile) {
#pragma GCC unroll 16
  for (std::int64_t line = 0; line < kAmxRows; ++line) {
    __builtin_prefetch(tile + line * kLine, 0, 3);
  }
}

// Tiles 0 to 3: sums of two times 16 rows by two times 16 columns; 4, 5: rows; 6, 7: columns.
// Tiles of A and of a panel come from the second-level cache, too slowly unless asked for early.
RAIE_AMX_BF16 void TwoTilesOfRows(const NativeTile& tile, std::int64_t begin) {
  TileOfC upper(tile, begin), lower(tile, begin + kAmxRows);
  if (tile.init == nullptr) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, upper.init(), upper.init_bytes());
    _tile_loadd(1, upper.init() + kTileColumns, upper.init_bytes());
    _tile_loadd(2, lower.init(), lower.init_bytes());
    _tile_loadd(3, lower.init() + kTileColumns, lower.init_bytes());
  }
  const Bfloat16* a0 = tile.a + begin * tile.a_stride;
  const Bfloat16* a1 = a0 + kAmxRows * tile.a_stride;
  const Bfloat16* panel = tile.panel;
  NextPanel next(tile, begin, 2 * kAmxRows, kAmxPairs);
  for (std::int64_t k = 0; k < tile.pairs; k += kAmxPairs) {
    _tile_loadd(4, a0, kTileBytes);
    _tile_loadd(6, panel, kTileBytes);
    FetchTile(a0 + kTilesAhead * kTileNumbers);
    _tile_loadd(7, panel + kTileNumbers, kTileBytes);
    _tile_loadd(5, a1, kTileBytes);
    FetchTile(a1 + kTilesAhead * kTileNumbers);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    FetchTile(panel + 2 * kTilesAhead * kTileNumbers);
    FetchTile(panel + (2 * kTilesAhead + 1) * kTileNumbers);
    next.FetchSome();
    panel += 2 * kTileNumbers;
    a0 += kTileNumbers;
    a1 += kTileNumbers;
  }
  _tile_stored(0, upper.c(), upper.c_bytes());
  _tile_stored(1, upper.c() + kTileColumns, upper.c_bytes());
  _tile_stored(2, lower.c(), lower.c_bytes());
  _tile_stored(3, lower.c() + kTileColumns, lower.c_bytes());
  upper.Finish();
  lower.Finish();
}

// The last 16 rows or fewer.
RAIE_AMX_BF16 void OneTileOfRows(const NativeTile& tile, std::int64_t begin) {
  TileOfC rows(tile, begin);
  if (tile.init == nullptr) {
    _tile_zero(0);
    _tile_zero(1);
  } else {
    _tile_loadd(0, rows.init(), rows.init_bytes());
    _tile_loadd(1, rows.init() + kTileColumns, rows.init_bytes());
  }
  const Bfloat16* a = tile.a + begin * tile.a_stride;
  const Bfloat16* panel = tile.panel;
  NextPanel next(tile, begin, 2 * kAmxRows, kAmxPairs);
  for (std::int64_t k = 0; k < tile.pairs; k += kAmxPairs) {
    _tile_loadd(4, a, kTileBytes);
    _tile_loadd(6, panel, kTileBytes);
    _tile_loadd(7, panel + kTileNumbers, kTileBytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    FetchTile(panel + 2 * kTilesAhead * kTileNumbers);
    FetchTile(panel + (2 * kTilesAhead + 1) * kTileNumbers);
    next.FetchSome();
    panel += 2 * kTileNumbers;
    a += kTileNumbers;
  }
  _tile_stored(0, rows.c(), rows.c_bytes());
  _tile_stored(1, rows.c() + kTileColumns, rows.c_bytes());
  rows.Finish();
}

}  // namespace

bool HasNativeBfloat16() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

void MultiplyNative(const NativeTile& tile) { RowsFrom<kNativeRows>(tile, 0); }

bool HasAmxBfloat16() {
  static const bool has = KnowsTiles() && AskForTiles();
  return has;
}

AmxTiles::AmxTiles() { ShapeTiles(); }

AmxTiles::~AmxTiles() { ReleaseTiles(); }

void MultiplyAmx(const NativeTile& tile) {
  std::int64_t begin = 0;
  for (; begin + kAmxRows < tile.rows; begin += 2 * kAmxRows) TwoTilesOfRows(tile, begin);
  if (begin < tile.rows) OneTileOfRows(tile, begin);
}

#else

bool HasNativeBfloat16() { return false; }

void MultiplyNative(const NativeTile&) {
  throw Error(ErrorCode::kInternal, "this machine has no bf16 products of its own");
}

bool HasAmxBfloat16() { return false; }

AmxTiles::AmxTiles() = default;

AmxTiles::~AmxTiles() = default;

void MultiplyAmx(const NativeTile& tile) { MultiplyNative(tile); }

#endif

}  // namespace raie::kernels
