#include "base/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "base/options_json.h"
#include "raie/error.h"

namespace raie {
namespace {

enum class Colour { kRed, kGreen };
inline std::span<const char* const> EnumNames(Colour) {
  static constexpr const char* kNames[] = {"red", "green"};
  return kNames;
}

struct Inner {
  double rate = 0.5;
  std::vector<std::string> names = {"a", "b"};

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.rate, Field{.name = "rate", .help = "a share", .minimum = 0, .maximum = 1});
    visit(self.names, Field{.name = "names", .help = "some names"});
  }
};

struct Middle {
  Inner inner;
  std::int64_t depth = 2;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.inner, Field{.name = "inner", .help = "nested"});
    visit(self.depth, Field{.name = "depth", .help = "how deep", .minimum = 1});
  }
};

struct Outer {
  bool fast = false;
  Middle middle;
  std::int64_t count = 3;
  double weight = 1;
  std::string title = "none";
  Colour colour = Colour::kRed;
  std::vector<double> shares = {0.5, 0.8};
  std::vector<std::int64_t> sizes = {};

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.fast, Field{.name = "fast", .help = "speed"});
    visit(self.middle, Field{.name = "middle", .help = "a section"});
    visit(self.count, Field{.name = "count",
                            .help = "how many",
                            .unit = "windows",
                            .minimum = 1,
                            .maximum = 10,
                            .paper = "5"});
    visit(self.weight, Field{.name = "weight", .help = "any number"});
    visit(self.title, Field{.name = "title", .help = "text"});
    visit(self.colour, Field{.name = "colour", .help = "a colour"});
    visit(self.shares, Field{.name = "shares", .help = "some shares", .minimum = 0, .maximum = 1});
    visit(self.sizes, Field{.name = "sizes", .help = "sizes", .minimum = 0});
  }
};

template <class Call>
std::string Message(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "raie_options_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    file_ = (folder_ / "o.toml").string();
  }
  ~OptionsTest() override { std::filesystem::remove_all(folder_); }

  void Load(Outer& options, const std::string& toml) {
    WriteFileAtomically(file_, toml);
    SetFromToml(FieldsOf(options), file_);
  }
  std::string Refusal(const std::string& toml) {
    Outer options;
    return Message([&] { Load(options, toml); });
  }

  std::filesystem::path folder_;
  std::string file_;
};

using Options = OptionsTest;

Outer Unusual() {
  Outer options;
  options.fast = true;
  options.middle.inner.rate = 1e-7;
  options.middle.inner.names = {"with, comma", "with \"quote\" and \\ and \n", ""};
  options.middle.depth = 9007199254740993;  // not a double
  options.count = -4;
  options.weight = 0.1 + 0.2;
  options.title = "naïve = [x]";
  options.colour = Colour::kGreen;
  options.shares = {};
  options.sizes = {1, 2, 3};
  return options;
}

TEST_F(Options, TomlRoundTripIsExact) {
  for (const Outer& options : {Outer(), Unusual()}) {
    Outer copy;
    copy.shares = {0.1};
    Load(copy, ToToml(FieldsOf(const_cast<Outer&>(options))));
    EXPECT_TRUE(SameOptions(options, copy));
    EXPECT_EQ(copy.weight, options.weight);
    EXPECT_EQ(copy.middle.depth, options.middle.depth);
    EXPECT_EQ(copy.middle.inner.names, options.middle.inner.names);
    EXPECT_EQ(copy.title, options.title);
  }
  EXPECT_FALSE(SameOptions(Outer(), Unusual()));
}

TEST_F(Options, JsonRoundTripIsExact) {
  for (const Outer& options : {Outer(), Unusual()}) {
    Outer copy;
    SetFromJson(FieldsOf(copy), nlohmann::json::parse(OptionsToJson(options).dump()), "json");
    EXPECT_TRUE(SameOptions(options, copy));
  }
  EXPECT_EQ(OptionsToJson(Outer())["middle"]["inner"]["rate"], 0.5);
  EXPECT_EQ(OptionsToJson(Outer())["colour"], "red");
}

TEST_F(Options, TomlKeepsWhatItDoesNotName) {
  Outer options;
  Load(options, "count = 7\nweight = 2\n[middle.inner]\nnames = ['x']\n");
  EXPECT_EQ(options.count, 7);
  EXPECT_EQ(options.weight, 2);
  EXPECT_EQ(options.middle.inner.names, std::vector<std::string>{"x"});
  EXPECT_EQ(options.middle.inner.rate, 0.5);
  EXPECT_EQ(options.title, "none");
}

TEST_F(Options, BadTomlIsNamedWithItsLine) {
  const std::string place = "o.toml:2: ";
  EXPECT_TRUE(Contains(Refusal("count = 1\ncoumt = 2\n"),
                       place + "unknown option 'coumt'; did you mean 'count'?"));
  EXPECT_TRUE(Contains(Refusal("[middle.inner]\nrat = 2\n"),
                       place + "unknown option 'middle.inner.rat'; did you mean "
                               "'middle.inner.rate'?"));
  EXPECT_TRUE(Contains(Refusal("\n[midle]\n"), "unknown option 'midle'"));
  EXPECT_TRUE(Contains(Refusal("\ncount = 1.5\n"), place + "count = '1.5': expected a whole"));
  EXPECT_TRUE(Contains(Refusal("\ncount = [1, 2]\n"), "expected a single value"));
  EXPECT_TRUE(Contains(Refusal("\ntitle = ['a', 'b']\n"), "expected a single value"));
  EXPECT_TRUE(Contains(Refusal("\nfast = 1\n"), place + "fast = '1': expected true or false"));
  EXPECT_TRUE(Contains(Refusal("\ncolour = 'blue'\n"), "expected one of red, green"));
  EXPECT_TRUE(Contains(Refusal("\nshares = [0.5, 'x']\n"), "expected a number"));
  EXPECT_TRUE(Contains(Refusal("\ncount = = 1\n"), place + "not valid TOML"));
}

TEST_F(Options, SetTakesText) {
  Outer options;
  const FieldList fields = FieldsOf(options);
  SetField(fields, "weight", "5e-4", "--set");
  SetField(fields, "fast", "true", "--set");
  SetField(fields, "colour", "green", "--set");
  SetField(fields, "title", "a = b, c", "--set");
  SetField(fields, "middle.inner.rate", "1", "--set");
  SetField(fields, "shares", "0.25, 0.5,1", "--set");
  SetField(fields, "sizes", "[4, 5]", "--set");
  SetField(fields, "middle.inner.names", R"(["x, y", "z"])", "--set");
  EXPECT_EQ(options.weight, 5e-4);
  EXPECT_TRUE(options.fast);
  EXPECT_EQ(options.colour, Colour::kGreen);
  EXPECT_EQ(options.title, "a = b, c");
  EXPECT_EQ(options.middle.inner.rate, 1);
  EXPECT_EQ(options.shares, (std::vector<double>{0.25, 0.5, 1}));
  EXPECT_EQ(options.sizes, (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(options.middle.inner.names, (std::vector<std::string>{"x, y", "z"}));
  SetField(fields, "sizes", "", "--set");
  EXPECT_TRUE(options.sizes.empty());
}

TEST_F(Options, SetRefusesAndNamesTheNearest) {
  Outer options;
  const FieldList fields = FieldsOf(options);
  const auto refusal = [&](const std::string& path, const std::string& text) {
    return Message([&] { SetField(fields, path, text, "--set"); });
  };
  EXPECT_EQ(refusal("colou", "red"), "--set: unknown option 'colou'; did you mean 'colour'?");
  EXPECT_EQ(refusal("xyzzy", "1"), "--set: unknown option 'xyzzy'");
  EXPECT_EQ(refusal("count", "3x"), "--set: count = '3x': expected a whole number");
  EXPECT_TRUE(Contains(refusal("count", ""), "whole number"));
  EXPECT_TRUE(Contains(refusal("count", "99999999999999999999"), "whole number"));
  EXPECT_TRUE(Contains(refusal("weight", "1e999"), "a number"));
  EXPECT_TRUE(Contains(refusal("shares", "0.5,,0.6"), "a number"));
  EXPECT_TRUE(Contains(refusal("shares", "[0.5"), "a list"));
  EXPECT_TRUE(Contains(refusal("middle", "1"), "unknown option 'middle'"));
}

TEST_F(Options, JsonRefusals) {
  Outer options;
  const auto refusal = [&](const char* text) {
    return Message([&] { SetFromJson(FieldsOf(options), nlohmann::json::parse(text), "here"); });
  };
  EXPECT_EQ(refusal(R"({"middle": {"inner": {"rat": 1}}})"),
            "here: unknown option 'middle.inner.rat'; did you mean 'middle.inner.rate'?");
  EXPECT_TRUE(Contains(refusal(R"({"other": {}})"), "unknown option 'other'"));
  EXPECT_TRUE(Contains(refusal(R"({"count": null})"), "whole number"));
  EXPECT_TRUE(Contains(refusal(R"({"count": [1]})"), "single value"));
  EXPECT_TRUE(Contains(refusal(R"([1])"), "expected an object of options, got array"));
}

TEST_F(Options, AllRangesAtOnce) {
  Outer options;
  EXPECT_NO_THROW(CheckRanges(FieldsOf(options), "outer"));
  options.count = 11;
  options.middle.inner.rate = NAN;
  options.shares = {0.5, -1};
  options.sizes = {1, -1};
  options.weight = NAN;
  const std::string text =
      Message([&] { CheckRanges(FieldsOf(options), "outer", {"a rule between fields"}); });
  EXPECT_EQ(text,
            "outer: middle.inner.rate = nan: must be 0 to 1\n"
            "  count = 11: must be 1 to 10\n"
            "  weight = nan: must be a number\n"
            "  shares = [0.5, -1.0]: must be 0 to 1\n"
            "  sizes = [1, -1]: must be >= 0\n"
            "  a rule between fields");
}

TEST_F(Options, DescribesEveryField) {
  Outer options;
  const std::string text = DescribeFields(FieldsOf(options));
  EXPECT_TRUE(Contains(text, "count = 3 "));
  EXPECT_TRUE(Contains(text, "how many [windows; 1 to 10; paper: 5]"));
  EXPECT_TRUE(Contains(text, "middle.inner.names = [\"a\", \"b\"]"));
  EXPECT_TRUE(Contains(text, "a colour [red, green]"));
  EXPECT_TRUE(Contains(text, "how deep [>= 1]"));
}

TEST_F(Options, NearestNames) {
  const std::vector<std::string> names = {"rank", "alpha", "dropout"};
  EXPECT_EQ(NearestName("rnak", names), "rank");
  EXPECT_EQ(NearestName("droput", names), "dropout");
  EXPECT_EQ(NearestName("zzzzzz", names), "");
  EXPECT_EQ(NearestName("x", {}), "");
}

}  // namespace
}  // namespace raie
