#include "data/readers/pieces.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "data/readers/row_parser.h"

namespace raie {
namespace {

// Reads one file block by block: the chunks of a block in parallel, then joined in order.
class PieceReader {
 public:
  PieceReader(TextSource& source, const Layout& layout, const PieceSizes& sizes,
              LogBuilder& builder)
      : source_(source),
        layout_(layout),
        parser_(MakeRowParser(layout)),
        sizes_(sizes),
        builder_(builder),
        scratch_(static_cast<std::size_t>(builder.pool().threads())) {}

  void Read() {
    std::size_t place = layout_.first_row;
    for (;;) {
      const TextBlock& block = source_.block();
      const std::size_t limit = std::min(block.text.size(), place + sizes_.block_bytes);
      place = ReadBlock(place, limit);
      if (source_.mapped()) {
        if (place >= block.text.size()) break;
        source_.Release(place);
        ReserveOnce(place);
      } else if (block.complete) {
        if (place >= block.text.size()) break;
      } else if (place >= limit || stuck_) {
        source_.Refill(place);
        place = 0;
      }
    }
    builder_.AddBytes(
        static_cast<std::int64_t>(source_.consumed_before() + source_.block().text.size()));
  }

 private:
  // The text from the first line that begins at or after `place`.
  std::size_t LineAt(std::size_t place, std::size_t limit) const {
    if (place >= limit) return limit;
    const std::size_t newline = source_.block().text.find('\n', place - 1);
    return newline == std::string_view::npos ? limit : std::min(newline + 1, limit);
  }

  // Reads the records that begin in [begin, limit); returns where the next one begins.
  std::size_t ReadBlock(std::size_t begin, std::size_t limit) {
    const std::size_t num_chunks = std::max<std::size_t>(1, (limit - begin) / sizes_.chunk_bytes);
    if (chunks_.size() < num_chunks) chunks_.resize(num_chunks);
    borders_.resize(num_chunks + 1);
    borders_[0] = begin;
    for (std::size_t c = 1; c < num_chunks; ++c) {
      borders_[c] = std::max(borders_[c - 1], LineAt(begin + c * sizes_.chunk_bytes, limit));
    }
    borders_[num_chunks] = limit;
    builder_.pool().ForEach(static_cast<std::int64_t>(num_chunks), [this](std::int64_t task,
                                                                          int worker) {
      ReadChunk(static_cast<std::size_t>(task), borders_[static_cast<std::size_t>(task)], worker);
    });
    std::size_t place = begin;
    stuck_ = false;
    for (std::size_t c = 0; c < num_chunks; ++c) {
      ChunkRows& chunk = chunks_[c];
      // A line end inside quotes: the chunk did not begin where a record does, or has none.
      if (chunk.begin != place) ReadChunk(c, place, 0);
      place = std::max(place, chunk.end);
      if (chunk.incomplete) {
        stuck_ = true;
        builder_.Append(std::span(chunks_).first(c + 1));
        return place;
      }
    }
    builder_.Append(std::span(chunks_).first(num_chunks));
    return place;
  }

  void ReadChunk(std::size_t c, std::size_t begin, int worker) {
    chunks_[c].Reset(begin, layout_.num_counters());
    parser_->Parse(source_.block(), borders_[c + 1], scratch_[static_cast<std::size_t>(worker)],
                   chunks_[c]);
  }

  // After the first block the number of rows can be told well enough.
  void ReserveOnce(std::size_t read) {
    if (std::exchange(reserved_, true)) return;
    std::int64_t rows = 0;
    for (const ChunkRows& chunk : chunks_) rows += chunk.size;
    const double rest = static_cast<double>(source_.block().text.size() - read);
    builder_.Reserve(static_cast<std::int64_t>(static_cast<double>(rows) * 1.05 * rest /
                                               static_cast<double>(read)));
  }

  TextSource& source_;
  const Layout& layout_;
  std::unique_ptr<RowParser> parser_;
  const PieceSizes& sizes_;
  LogBuilder& builder_;
  std::vector<ReaderScratch> scratch_;
  std::vector<ChunkRows> chunks_;
  std::vector<std::size_t> borders_;
  bool stuck_ = false;  // a record goes on behind the text at hand
  bool reserved_ = false;
};

}  // namespace

void ReadPieces(TextSource& source, const Layout& layout, const PieceSizes& sizes,
                LogBuilder& builder) {
  PieceReader(source, layout, sizes, builder).Read();
}

}  // namespace raie
