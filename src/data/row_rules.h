// Which rows of a table are left out because of what they say?
//
// Concept: rules are written as the user writes them and applied in a fixed order: first
//          drop_missing, then drop, each in the order given, then dedupe. The first rule that
//          matches takes the row and counts it. Rules see a row's text before its ids, rating and
//          time are read, so a dropped row is never a malformed one.
//          drop_missing:  COLUMN                 the field is empty
//          drop:          COLUMN OP VALUE        numbers: <  <=  >  >=  ==  !=
//                                                text:    ==  !=  ^= starts  $= ends  ~= contains
//          dedupe:        COLUMN, COLUMN, ...    all fields equal those of an earlier kept row
//          A column is a name of the header, a role (user, item, rating, time) or a number from 0.
// Source:  METHOD section 2 ("Order of preparation").
// Errors:  kInvalidArgument: a rule that cannot be read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace raie {

struct ReadOptions;

enum class RuleOperator {
  kMissing,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqual,
  kNotEqual,
  kStartsWith,
  kEndsWith,
  kContains,
};

struct RowRule {
  std::string text;    // as the report prints it: "drop Quantity<=0"
  std::string column;  // as the user wrote it
  RuleOperator op = RuleOperator::kMissing;
  std::string value;
  std::optional<double> number;  // the value, where it is one
};

enum class RuleVerdict { kKeep, kDrop, kNotANumber };

// Reads "Quantity<=0"; the value may stand in single or double quotes.
RowRule ParseDropRule(std::string_view text);

// Returns the rules of drop_missing and drop, in the order they are applied.
std::vector<RowRule> ParseRowRules(const ReadOptions& options);

// Returns whether the rule takes a row whose field is `field`; kNotANumber where < <= > >= meet
// text or nothing.
RuleVerdict Apply(const RowRule& rule, std::string_view field);

}  // namespace raie
