#include "data/row_rules.h"

#include <gtest/gtest.h>

#include "data/readers/reader_fixture.h"

namespace raie {
namespace {

using testing::EventsOf;
using testing::Read;
using testing::TemporaryFolder;
using testing::WriteFile;

RuleVerdict Verdict(const char* rule, const char* field) {
  return Apply(ParseDropRule(rule), field);
}

TEST(RowRules, EveryOperator) {
  constexpr auto kDrop = RuleVerdict::kDrop;
  constexpr auto kKeep = RuleVerdict::kKeep;
  EXPECT_EQ(Verdict("Quantity<=0", "0"), kDrop);
  EXPECT_EQ(Verdict("Quantity<=0", "-3"), kDrop);
  EXPECT_EQ(Verdict("Quantity<=0", "0.5"), kKeep);
  EXPECT_EQ(Verdict("q<2", "2"), kKeep);
  EXPECT_EQ(Verdict("q<2", "1.99"), kDrop);
  EXPECT_EQ(Verdict("q>2", "1e3"), kDrop);
  EXPECT_EQ(Verdict("q>2", "2"), kKeep);
  EXPECT_EQ(Verdict("q >= 2", " 2 "), kDrop);
  EXPECT_EQ(Verdict("q==2", "2.0"), kDrop);  // as numbers
  EXPECT_EQ(Verdict("q==2", "two"), kKeep);
  EXPECT_EQ(Verdict("q!=2", "two"), kDrop);
  EXPECT_EQ(Verdict("c==France", "France"), kDrop);
  EXPECT_EQ(Verdict("c=='United Kingdom'", "United Kingdom"), kDrop);
  EXPECT_EQ(Verdict("c!=France", "France"), kKeep);
  EXPECT_EQ(Verdict("c==''", ""), kDrop);
  EXPECT_EQ(Verdict("InvoiceNo^=C", "C536365"), kDrop);
  EXPECT_EQ(Verdict("InvoiceNo^=C", "536365C"), kKeep);
  EXPECT_EQ(Verdict("x$=C", "536365C"), kDrop);
  EXPECT_EQ(Verdict("x$=C", "C5"), kKeep);
  EXPECT_EQ(Verdict("x~=est", "a test"), kDrop);
  EXPECT_EQ(Verdict("x~=est", "a text"), kKeep);
  EXPECT_EQ(Verdict("Quantity<=0", ""), RuleVerdict::kNotANumber);
  EXPECT_EQ(Verdict("Quantity<=0", "nan"), RuleVerdict::kNotANumber);
}

TEST(RowRules, ARuleThatCannotBeReadNamesTheNotation) {
  for (const char* bad : {"Quantity", "<=0", "Quantity<=many", "x^=", "q<"}) {
    try {
      (void)ParseDropRule(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(ErrorCode::kInvalidArgument));
      EXPECT_NE(std::string(error.what()).find(bad), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("COLUMN OP VALUE"), std::string::npos);
    }
  }
}

TEST(RowRules, CountedInOrderAndNamedByColumnRoleOrNumber) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "shop.csv",
                                     "invoice,code,qty,when,customer\n"
                                     "1,A,2,2020-01-01,7\n"
                                     "1,A,3,2020-01-01,7\n"    // the same invoice and code
                                     "C2,A,-1,2020-01-02,\n"   // missing comes first
                                     "C3,B,-1,2020-01-02,8\n"  // then the cancelled ones
                                     "4,B,0,2020-01-03,8\n"    // then the quantity
                                     "5,B,1,2020-01-04,8\n");
  ReadOptions options;
  options.columns = {"user=customer", "item=code", "time=when"};
  options.drop_missing = {"user"};
  options.drop = {"invoice^=C", "2<=0"};
  options.dedupe = {"invoice", "item"};
  const ReadResult result = Read(file, options);
  ASSERT_EQ(result.report.rules.size(), 4U);
  EXPECT_EQ(result.report.rules[0].rule, "drop_missing user");
  for (const RuleCount& rule : result.report.rules) EXPECT_EQ(rule.dropped, 1) << rule.rule;
  EXPECT_EQ(result.report.rules[3].rule, "dedupe invoice, item");
  EXPECT_EQ(result.report.rows, 6);
  EXPECT_EQ(result.report.kept, 2);
  EXPECT_EQ(EventsOf(result.log), (std::vector<testing::RawEvent>{{"7", "A", -1, 1577836800},
                                                                  {"8", "B", -1, 1578096000}}));
}

TEST(RowRules, ADroppedRowIsNeverMalformedAndLeavesNoIds) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "a.csv",
                                     "u,i,t,kind\n"
                                     "1,x,yesterday,test\n"
                                     "2,y,2020-01-01,real\n"
                                     "3,y,2020-01-01,real\n");
  ReadOptions options;
  options.columns = {"user=u", "item=i", "time=t"};
  options.drop = {"kind==test"};
  options.dedupe = {"i"};
  const ReadResult result = Read(file, options);
  EXPECT_EQ(result.log.user_ids.size(), 1);
  EXPECT_EQ(result.log.item_ids.size(), 1);
  EXPECT_EQ(result.log.user_ids[0], "2");
}

TEST(RowRules, AlsoForJsonLines) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "a.json",
                                     "{\"u\":\"1\",\"i\":\"x\",\"t\":1000000000,\"n\":0}\n"
                                     "{\"u\":\"2\",\"i\":\"x\",\"t\":1000000001,\"n\":4}\n"
                                     "{\"u\":null,\"i\":\"x\",\"t\":1000000002,\"n\":4}\n");
  ReadOptions options;
  options.columns = {"user=u", "item=i", "time=t"};
  options.drop_missing = {"user"};
  options.drop = {"n<=0"};
  const ReadResult result = Read(file, options);
  EXPECT_EQ(result.report.rules[0].dropped, 1);
  EXPECT_EQ(result.report.rules[1].dropped, 1);
  EXPECT_EQ(EventsOf(result.log), (std::vector<testing::RawEvent>{{"2", "x", -1, 1000000001}}));
}

}  // namespace
}  // namespace raie
