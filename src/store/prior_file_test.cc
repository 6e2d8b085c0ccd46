#include "store/prior_file.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "data/log_fixture.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

PopularityPrior SomePrior() {
  return {.weight = 0.1 + 0.2,  // no short decimal
          .half_life_seconds = 86400.0 / 7,
          .end_seconds = 1577836800,
          .counts_N = {0, 1.5f, 1e-30f, 3.25e6f}};
}

TEST(PriorFileTest, ReadsBackTheSameBits) {
  const testing::TemporaryFolder folder;
  SavePrior(folder.path(), SomePrior());
  const PopularityPrior read = LoadPrior(folder.path(), 4);
  EXPECT_EQ(read.weight, SomePrior().weight);
  EXPECT_EQ(read.half_life_seconds, SomePrior().half_life_seconds);
  EXPECT_EQ(read.end_seconds, SomePrior().end_seconds);
  EXPECT_EQ(read.counts_N, SomePrior().counts_N);
}

TEST(PriorFileTest, WhatIsNoPriorIsRefused) {
  const auto refused = [](const PopularityPrior& prior, std::int64_t catalogue_size) {
    const testing::TemporaryFolder folder;
    SavePrior(folder.path(), prior);
    EXPECT_THROW(LoadPrior(folder.path(), catalogue_size), Error);
  };
  refused(SomePrior(), 3);  // counts of more items than the catalogue has
  PopularityPrior prior = SomePrior();
  prior.weight = 0;
  refused(prior, 4);
  prior = SomePrior();
  prior.half_life_seconds = -1;
  refused(prior, 4);
  prior = SomePrior();
  prior.counts_N[1] = -0.5f;
  refused(prior, 4);
  const testing::TemporaryFolder folder;
  SavePrior(folder.path(), SomePrior());
  WriteFileAtomically(folder.path() / kPriorFile, "{\"weight\": 1}");
  EXPECT_THROW(LoadPrior(folder.path(), 4), Error);
}

}  // namespace
}  // namespace raie
