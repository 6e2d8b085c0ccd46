#include "text/bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "text/bpe_merge.h"
#include "text/byte_alphabet.h"
#include "text/text_fixture.h"

namespace raie {
namespace {

using testing::ExpectTextError;
using testing::Ids;

BpeParts PartsWith(const std::vector<std::string>& pieces,
                   std::vector<std::pair<std::string, std::string>> merges) {
  BpeParts parts;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    parts.vocabulary.emplace_back(pieces[i], TokenId{static_cast<std::int32_t>(i)});
  }
  parts.merges = std::move(merges);
  return parts;
}

std::vector<int> EncodedBy(const BpeModel& model, std::string_view word) {
  std::vector<TokenId> ids;
  model.Encode(word, ids);
  return Ids(ids);
}

// A vocabulary of some characters and random merges of what is there already.
BpeParts RandomParts(RandomStream& random, const std::vector<std::string>& characters,
                     int num_merges) {
  std::vector<std::string> pieces = characters;
  std::set<std::string> known(pieces.begin(), pieces.end());
  std::vector<std::pair<std::string, std::string>> merges;
  std::set<std::pair<std::string, std::string>> pairs;
  while (static_cast<int>(merges.size()) < num_merges) {
    const std::string left = pieces[random.Below(pieces.size())];
    const std::string right = pieces[random.Below(pieces.size())];
    if (left.size() + right.size() > 24 || !pairs.emplace(left, right).second) continue;
    merges.emplace_back(left, right);
    if (known.insert(left + right).second) pieces.push_back(left + right);
  }
  for (std::size_t i = merges.size(); i > 1; --i) {
    std::swap(merges[i - 1], merges[random.Below(i)]);
  }
  return PartsWith(pieces, merges);
}

// The definition, by texts: the neighbours of the lowest rank merge, the leftmost first.
std::vector<int> SlowEncode(const BpeParts& parts, const std::vector<std::string>& characters) {
  std::map<std::pair<std::string, std::string>, std::size_t> rank_of;
  for (std::size_t i = 0; i < parts.merges.size(); ++i) rank_of[parts.merges[i]] = i;
  std::vector<std::string> row = characters;
  for (;;) {
    std::size_t best = parts.merges.size();
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      const auto found = rank_of.find({row[i], row[i + 1]});
      if (found != rank_of.end() && found->second < best) {
        best = found->second;
        at = i;
      }
    }
    if (best == parts.merges.size()) break;
    row[at] += row[at + 1];
    row.erase(row.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  std::vector<int> ids;
  for (const std::string& piece : row) {
    for (const auto& [known, id] : parts.vocabulary) {
      if (known == piece) ids.push_back(Index(id));
    }
  }
  return ids;
}

TEST(Bpe, EncodesAsItsSlowTwin) {
  const std::uint64_t seed = 5;
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomStream random(seed, 0);
  for (int round = 0; round < 60; ++round) {
    // With the mark, texts are cut inside the model where no merge reaches across it.
    const std::vector<std::string> characters = round % 2 == 0
                                                    ? std::vector<std::string>{"a", "b", "é", "一"}
                                                    : std::vector<std::string>{"a", "b", "▁"};
    BpeParts parts = RandomParts(random, characters, 1 + round / 2);
    if (round % 4 == 1) {
      std::erase_if(parts.merges, [](const auto& merge) {
        return merge.second.starts_with("▁") && !merge.first.ends_with("▁");
      });
    }
    const BpeModel model(parts, "model");
    for (int word = 0; word < 40; ++word) {
      std::vector<std::string> row;
      std::string text;
      for (std::uint64_t n = 1 + random.Below(word % 10 == 0 ? 150 : 12); n > 0; --n) {
        row.push_back(characters[random.Below(characters.size())]);
        text += row.back();
      }
      ASSERT_EQ(EncodedBy(model, text), SlowEncode(parts, row)) << text;
    }
  }
}

TEST(Bpe, BytesAreEncodedAsCharacters) {
  RandomStream random(6, 0);
  const std::string alphabet("\0 a\xFF\n", 5);
  std::vector<std::string> characters;
  for (const char byte : alphabet) characters.push_back(PieceOfBytes({&byte, 1}));
  BpeParts parts = RandomParts(random, characters, 20);
  parts.alphabet = BpeAlphabet::kBytes;
  const BpeModel model(parts, "model");
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> row;
    std::string bytes;
    for (std::uint64_t n = 1 + random.Below(70); n > 0; --n) {
      bytes += alphabet[random.Below(alphabet.size())];
      row.push_back(PieceOfBytes(bytes.substr(bytes.size() - 1)));
    }
    ASSERT_EQ(EncodedBy(model, bytes), SlowEncode(parts, row));
  }
}

TEST(Bpe, ShortAndLongRowsMergeAlike) {
  RandomStream random(8, 0);
  MergeTable merges(40);
  for (std::uint32_t rank = 0; rank < 40; ++rank) {
    merges.Set(static_cast<std::int32_t>(random.Below(12)),
               static_cast<std::int32_t>(random.Below(12)),
               {rank, static_cast<std::int32_t>(random.Below(12))});
  }
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::int32_t> row(random.Below(120));
    for (std::int32_t& symbol : row) symbol = static_cast<std::int32_t>(random.Below(12));
    std::vector<std::int32_t> other = row;
    MergeShort(merges, row);
    MergeLong(merges, other);
    ASSERT_EQ(row, other);
  }
}

TEST(Bpe, UnknownCharactersAreBytesOrOneTokenOrNothing) {
  BpeParts parts = PartsWith({"a", "<unk>", "<0xC3>", "<0xA9>"}, {});
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "axé"), (std::vector<int>{0}));
  parts.unknown_piece = "<unk>";
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "xxaxé"), (std::vector<int>{1, 1, 0, 1, 1}));
  parts.fuse_unknown = true;
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "xxaxé"), (std::vector<int>{1, 0, 1}));
  parts.byte_fallback = true;
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "aéx"), (std::vector<int>{0, 2, 3, 1}));
  // As in the library: bytes overtake an unknown token that waits for more.
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "xéxa"), (std::vector<int>{2, 3, 1, 0}));
}

TEST(Bpe, IgnoringMergesFindsWholeWords) {
  BpeParts parts = PartsWith({"a", "b", "ab"}, {});
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "ab"), (std::vector<int>{0, 1}));
  parts.ignore_merges = true;
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "ab"), (std::vector<int>{2}));
  EXPECT_EQ(EncodedBy(BpeModel(parts, "model"), "aba"), (std::vector<int>{0, 1, 0}));
}

TEST(Bpe, ErrorsNameWhatIsWrong) {
  const auto expect = [](const std::string& part, const BpeParts& parts) {
    ExpectTextError(ErrorCode::kCorruptData, part, [&] { BpeModel(parts, "file: model"); });
  };
  expect(R"(file: model: merges[1] "b" "c": vocab has no "c")",
         PartsWith({"a", "b", "ab"}, {{"a", "b"}, {"b", "c"}}));
  expect(R"(merges[0] "a" "b": vocab has no "ab")", PartsWith({"a", "b"}, {{"a", "b"}}));
  BpeParts parts = PartsWith({"a", "b"}, {});
  parts.unknown_piece = "<unk>";
  expect(R"(unk_token: vocab has no "<unk>")", parts);
  parts = PartsWith({"a", "b"}, {});
  parts.vocabulary[1].second = TokenId{0};
  expect(R"("a" and "b" have the same id 0)", parts);
  parts.vocabulary[1].second = TokenId{2'000'000'000};
  expect("the id 2000000000 of \"b\" is not from 0 to", parts);
}

TEST(Bpe, HolesOfTheVocabularyAreNoPieces) {
  BpeParts parts = PartsWith({"a", "b"}, {});
  parts.vocabulary[1].second = TokenId{5};
  const BpeModel model(parts, "model");
  EXPECT_EQ(model.end_id(), 6);
  EXPECT_EQ(model.num_pieces(), 2);
  EXPECT_EQ(*model.Piece(TokenId{5}), "b");
  EXPECT_EQ(model.Piece(TokenId{3}), nullptr);
  EXPECT_EQ(model.Piece(TokenId{6}), nullptr);
  EXPECT_EQ(model.Piece(TokenId{-1}), nullptr);
}

}  // namespace
}  // namespace raie
