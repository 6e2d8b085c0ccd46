#include "text/code_points.h"

#include <gtest/gtest.h>

namespace raie {
namespace {

TEST(CodePoints, CategoriesCoverAllOnce) {
  std::vector<int> seen(kMaxCodePoint + 1);
  for (const char* name : {"L", "M", "N", "P", "S", "Z", "C"}) {
    const auto set = CodePointSet::OfCategory(name);
    ASSERT_TRUE(set) << name;
    for (const auto& [first, last] : set->ranges()) {
      for (char32_t c = first; c <= last; ++c) ++seen[c];
    }
  }
  for (char32_t c = 0; c <= kMaxCodePoint; ++c) ASSERT_EQ(seen[c], 1) << static_cast<int>(c);
  EXPECT_FALSE(CodePointSet::OfCategory("Han"));
  EXPECT_FALSE(CodePointSet::OfCategory("Lx"));
}

TEST(CodePoints, FlagsSayWhatACharacterIs) {
  EXPECT_EQ(FlagsOf('a'), kLetter | kWord);
  EXPECT_EQ(FlagsOf('7'), kNumber | kDigit | kWord);
  EXPECT_EQ(FlagsOf('_'), kWord);
  EXPECT_EQ(FlagsOf('\n'), kSpace | kLineEnd);
  EXPECT_EQ(FlagsOf(0x3000), kSpace);
  EXPECT_EQ(FlagsOf(0x200B), 0);  // the zero-width space is no white space
  EXPECT_EQ(FlagsOf(0x301), kComposes | kWord);
  EXPECT_EQ(FlagsOf(0x1E2AE) & (kComposes | kTooNew), kComposes | kTooNew);  // of Unicode 14
}

TEST(CodePoints, SetsAreSortedAndComplemented) {
  CodePointSet set = CodePointSet::Of('f', 'h');
  set.Add(CodePointSet::Of('a', 'c'));
  set.Add(CodePointSet::Of('b', 'd'));
  set.Add(CodePointSet::Of('e', 'e'));
  ASSERT_EQ(set.ranges().size(), 1U);
  EXPECT_EQ(set.ranges()[0], (CodePointSet::Range{'a', 'h'}));
  const CodePointSet rest = set.Complement();
  ASSERT_EQ(rest.ranges().size(), 2U);
  EXPECT_EQ(rest.ranges()[0], (CodePointSet::Range{0, 'a' - 1}));
  EXPECT_EQ(rest.ranges()[1], (CodePointSet::Range{'h' + 1, kMaxCodePoint}));
  EXPECT_TRUE(CodePointSet::Of(0, kMaxCodePoint).Complement().ranges().empty());
}

}  // namespace
}  // namespace raie
