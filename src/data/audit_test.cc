#include "data/audit.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "data/log_fixture.h"
#include "data/prepare.h"
#include "data/prepared_writer.h"

namespace raie {
namespace {

using testing::TemporaryFolder;

// The columns of a prepared data set, to be changed by hand.
struct Columns {
  std::vector<std::int32_t> items;
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> item_times;
  nlohmann::json manifest;

  // First row of (user, slice).
  std::int64_t Start(std::int64_t user, int slice) const { return starts[user * 3 + slice]; }
  std::int64_t num_users() const { return (std::ssize(starts) - 1) / 3; }
};

template <class T>
void ReadColumn(const std::filesystem::path& path, std::vector<T>& column) {
  const std::string bytes = ReadFile(path);
  column.resize(bytes.size() / sizeof(T));
  std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<char*>(column.data()));
}

template <class T>
void WriteColumn(const std::filesystem::path& path, const std::vector<T>& column,
                 nlohmann::json& manifest) {
  const std::string bytes(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(T));
  WriteFileAtomically(path, bytes);
  manifest["files"][path.filename()] = {{"bytes", bytes.size()}, {"digest", DigestOfFile(path)}};
}

class AuditTest : public ::testing::Test {
 protected:
  // Many events at equal times.
  std::vector<AuditFinding> Prepared(const PrepareOptions& options,
                                     const std::function<void(Columns&)>& plant = {}) {
    const auto folder = folder_ / "data";
    const auto events =
        testing::RandomEvents(3, {.users = 60, .items = 40, .events = 4000, .times = 400});
    PrepareData(testing::MakeLog(events, testing::Ratings::kNone), options, folder, pool_);
    if (plant) {
      Columns columns;
      ReadColumn(folder / "items.i32", columns.items);
      ReadColumn(folder / "times.i64", columns.times);
      ReadColumn(folder / "starts.i64", columns.starts);
      ReadColumn(folder / "item_times.i64", columns.item_times);
      columns.manifest = nlohmann::json::parse(ReadFile(folder / "manifest.json"));
      plant(columns);
      WriteColumn(folder / "items.i32", columns.items, columns.manifest);
      WriteColumn(folder / "times.i64", columns.times, columns.manifest);
      WriteColumn(folder / "starts.i64", columns.starts, columns.manifest);
      WriteColumn(folder / "item_times.i64", columns.item_times, columns.manifest);
      columns.manifest["manifest_digest"] = ManifestDigest(columns.manifest);
      WriteFileAtomically(folder / "manifest.json", columns.manifest.dump(1));
    }
    return AuditData(PreparedData::Load(folder));
  }

  static PrepareOptions Options() {
    PrepareOptions options;
    options.context = 4;
    options.k_core = 3;
    return options;
  }

  // The checks that found a leak.
  static std::vector<std::string> Leaks(const std::vector<AuditFinding>& findings) {
    std::vector<std::string> checks;
    for (const AuditFinding& finding : findings) {
      if (finding.verdict != AuditVerdict::kLeak) continue;
      if (checks.empty() || checks.back() != finding.check) checks.push_back(finding.check);
    }
    return checks;
  }

  static const AuditFinding& First(const std::vector<AuditFinding>& findings,
                                   const std::string& check) {
    for (const AuditFinding& finding : findings) {
      if (finding.check == check) return finding;
    }
    throw std::runtime_error("no finding of " + check);
  }

  using Names = std::vector<std::string>;

  TemporaryFolder folder_;
  TaskPool pool_{1};
};

TEST_F(AuditTest, StrictHasNoLeakAndSaysWhatSDependsOn) {
  for (const Repeats repeats : {Repeats::kKeep, Repeats::kFirst}) {
    PrepareOptions options = Options();
    options.repeats = repeats;
    options.k_core = 2;
    options.context = 3;
    const auto findings = Prepared(options);
    EXPECT_EQ(Leaks(findings), Names{}) << ToJson(findings).dump(1);
    bool noted = false;
    for (const AuditFinding& finding : findings) {
      noted |= finding.check == "k_core" && finding.verdict == AuditVerdict::kNote;
    }
    EXPECT_TRUE(noted);
    std::vector<std::string> checks;
    for (const AuditFinding& finding : findings) {
      if (checks.empty() || checks.back() != finding.check) checks.push_back(finding.check);
    }
    EXPECT_EQ(checks, (Names{"split", "vocabulary", "k_core", "windows", "statistics", "held_out",
                             "duplicates", "same_time"}));
  }
}

TEST_F(AuditTest, StreamHasNoLeak) {
  PrepareOptions options = Options();
  options.protocol = Protocol::kStream;
  options.slices = {0.5, 0.7, 0.85};
  EXPECT_EQ(Leaks(Prepared(options)), Names{});
}

TEST_F(AuditTest, ThePublishedProtocolIsFlagged) {
  PrepareOptions options = Options();
  options.protocol = Protocol::kPaper;
  options.repeats = Repeats::kFirst;
  const auto findings = Prepared(options);
  EXPECT_EQ(Leaks(findings), (Names{"vocabulary", "k_core", "held_out"}));
  EXPECT_EQ(First(findings, "same_time").verdict, AuditVerdict::kNote);
  EXPECT_GT(First(findings, "same_time").count, 0);
}

TEST_F(AuditTest, ThePublishedCodeIsFlagged) {
  PrepareOptions options = Options();
  options.protocol = Protocol::kAsReleased;
  options.k_core = -1;
  const auto findings = Prepared(options);
  // The log has the same event twice now and then, and repeats are kept.
  EXPECT_EQ(Leaks(findings), (Names{"vocabulary", "held_out", "duplicates"}));
  EXPECT_GT(First(findings, "held_out").count, 0);
  std::int64_t dropped = 0;
  for (const AuditFinding& finding : findings) {
    if (finding.check == "k_core" && finding.verdict == AuditVerdict::kNote)
      dropped = finding.count;
  }
  EXPECT_GT(dropped, 0);
}

TEST_F(AuditTest, LeaveLastOutIsNotCutInTime) {
  PrepareOptions options = Options();
  options.protocol = Protocol::kLeaveLastOut;
  options.k_core = -1;
  options.min_context = 1;
  const auto findings = Prepared(options);
  EXPECT_EQ(First(findings, "split").verdict, AuditVerdict::kLeak);
  EXPECT_GT(First(findings, "split").count, 0);
  EXPECT_EQ(First(findings, "windows").verdict, AuditVerdict::kLeak);
}

TEST_F(AuditTest, PlantedAnEventOfFIsInS) {
  const auto findings = Prepared(Options(), [](Columns& columns) {
    for (std::int64_t user = 0; user < columns.num_users(); ++user) {
      const std::int64_t end = columns.Start(user, 1);
      if (end == columns.Start(user, 0)) continue;
      columns.times[end - 1] = columns.manifest["cuts"][0];
      return;
    }
  });
  EXPECT_EQ(First(findings, "split").verdict, AuditVerdict::kLeak);
  EXPECT_EQ(First(findings, "split").count, 1);
}

TEST_F(AuditTest, PlantedTheCatalogueKnowsItemsOfTheFuture) {
  PrepareOptions options = Options();
  options.k_core = 0;
  std::int64_t future = 0;
  // Make items of T only: the last three items leave S and F.
  const auto findings = Prepared(options, [&](Columns& columns) {
    const std::int64_t items = columns.manifest["counts"]["items"];
    for (std::int64_t user = 0; user < columns.num_users(); ++user) {
      for (std::int64_t row = columns.Start(user, 0); row < columns.Start(user, 2); ++row) {
        if (columns.items[row] >= items - 3) columns.items[row] = 0;
      }
    }
    future = 3;
    columns.manifest["items_after"] = {items, items, items};
  });
  EXPECT_EQ(First(findings, "vocabulary").verdict, AuditVerdict::kLeak);
  EXPECT_GE(First(findings, "vocabulary").count, future);
}

TEST_F(AuditTest, PlantedAKCoreThatSawT) {
  PrepareOptions options = Options();
  options.k_core = 0;
  const auto stayed =
      Prepared(options, [](Columns& columns) { columns.manifest["options"]["k_core"] = 30; });
  EXPECT_EQ(Leaks(stayed), Names{"k_core"});
  EXPECT_GT(First(stayed, "k_core").count, 0);

  const auto dropped = Prepared(Options(), [](Columns& columns) {
    auto& before = columns.manifest["report"]["before"][2]["events"];
    before = before.get<std::int64_t>() + 7;
  });
  EXPECT_EQ(Leaks(dropped), Names{"k_core"});
  EXPECT_EQ(First(dropped, "k_core").count, 7);
}

TEST_F(AuditTest, PlantedWindowsThatCrossSlices) {
  const auto findings = Prepared(Options(), [](Columns& columns) {
    columns.manifest["contexts_cross_slices"] = true;
    columns.manifest["cuts"] = nlohmann::json::array();
  });
  EXPECT_EQ(First(findings, "windows").verdict, AuditVerdict::kLeak);
}

TEST_F(AuditTest, PlantedAStatisticOfLaterEvents) {
  const auto early = Prepared(Options(), [](Columns& columns) { columns.item_times.back() -= 1; });
  EXPECT_EQ(Leaks(early), Names{"statistics"});
  EXPECT_EQ(First(early, "statistics").count, 1);
}

TEST_F(AuditTest, PlantedSWithoutHeldOutWindows) {
  const auto findings = Prepared(
      Options(), [](Columns& columns) { columns.manifest["options"]["context"] = 100000; });
  EXPECT_EQ(Leaks(findings), Names{"held_out"});
}

TEST_F(AuditTest, PlantedDuplicatesAcrossSlices) {
  PrepareOptions options = Options();
  options.repeats = Repeats::kFirst;
  options.k_core = 0;
  options.context = 3;
  const auto findings = Prepared(options, [](Columns& columns) {
    for (std::int64_t user = 0; user < columns.num_users(); ++user) {
      const std::int64_t s = columns.Start(user, 0);
      const std::int64_t t = columns.Start(user, 2);
      if (s == columns.Start(user, 1) || t == columns.Start(user, 3)) continue;
      columns.items[t] = columns.items[s];
      return;
    }
  });
  EXPECT_EQ(First(findings, "duplicates").verdict, AuditVerdict::kLeak);
  EXPECT_EQ(First(findings, "duplicates").count, 1);
}

TEST_F(AuditTest, PlantedATargetInItsOwnContext) {
  PrepareOptions options = Options();
  options.same_time = SameTimeRule::kOrder;
  options.repeats = Repeats::kKeep;
  const auto findings = Prepared(options, [](Columns& columns) {
    // The last two events of a long slice become the same one.
    for (std::int64_t user = 0; user < columns.num_users(); ++user) {
      const std::int64_t end = columns.Start(user, 1);
      if (end - columns.Start(user, 0) < 10) continue;
      columns.items[end - 1] = columns.items[end - 2];
      columns.times[end - 1] = columns.times[end - 2];
      return;
    }
  });
  const AuditFinding& found = First(findings, "duplicates");
  EXPECT_EQ(found.verdict, AuditVerdict::kLeak);
  EXPECT_NE(found.message.find("own target"), std::string::npos);
}

TEST_F(AuditTest, PlantedEqualTimesInAContext) {
  PrepareOptions options = Options();
  options.same_time = SameTimeRule::kOrder;
  const auto findings = Prepared(options);
  EXPECT_EQ(First(findings, "same_time").verdict, AuditVerdict::kLeak);
  EXPECT_GT(First(findings, "same_time").count, 0);
}

}  // namespace
}  // namespace raie
