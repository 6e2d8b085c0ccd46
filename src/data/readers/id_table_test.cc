#include "data/readers/id_table.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "data/readers/number_text.h"

namespace raie {
namespace {

std::string RandomId(RandomStream& random) {
  switch (random.Below(5)) {
    case 0:
      return std::to_string(random.Below(50));
    case 1:
      return std::to_string(random.Below(3) + (std::uint64_t{1} << 22) - 1);
    case 2:
      return std::to_string(random.Below(20) * 987654321987ULL);
    case 3:
      return "0" + std::to_string(random.Below(20));
    default:
      return "item " + std::to_string(random.Below(500));
  }
}

TEST(IdTable, NumbersByFirstAppearanceLikeAMap) {
  IdIndex index;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {  // one index again and again: Forget empties it
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0);
    IdList list;
    std::map<std::string, std::int32_t> twin;
    for (int i = 0; i < 5000; ++i) {
      const std::string id = RandomId(random);
      const auto expected = twin.emplace(id, static_cast<std::int32_t>(twin.size())).first->second;
      ASSERT_EQ(index.AddText(list, id), expected) << id;
      ASSERT_EQ(list.ToString(expected), id);
    }
    ASSERT_EQ(list.size(), static_cast<std::int32_t>(twin.size()));
    index.Forget(list);
  }
}

TEST(IdTable, OnlyTheCanonicalFormIsANumber) {
  EXPECT_EQ(CanonicalNumber("17"), std::optional<std::uint64_t>(17));
  EXPECT_EQ(CanonicalNumber("0"), std::optional<std::uint64_t>(0));
  EXPECT_EQ(CanonicalNumber("999999999999999999"),
            std::optional<std::uint64_t>(999999999999999999));
  for (const char* text : {"", "017", "+1", "-1", "1.0", " 1", "1 ", "1000000000000000000"}) {
    EXPECT_EQ(CanonicalNumber(text), std::nullopt) << text;
  }
}

TEST(NumberText, DigitsOfOneWordLikeTheLibrary) {
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0);
    std::string digits;
    for (std::uint64_t n = random.Below(9); n > 0; --n) {
      digits += static_cast<char>('0' + random.Below(10));
    }
    std::string text = digits;
    while (text.size() < 16) {
      const auto c = static_cast<char>(random.Below(256));
      if (text.size() > digits.size() || c < '0' || c > '9') text += c;
    }
    const DigitRun run = ReadDigits(text.data());
    EXPECT_EQ(run.digits, digits.size());
    EXPECT_EQ(run.value, digits.empty() ? 0 : std::stoul(digits));
  }
}

}  // namespace
}  // namespace raie
