#include "data/row_rules.h"

#include <algorithm>
#include <cmath>

#include "data/read_log.h"
#include "data/readers/number_text.h"
#include "raie/error.h"

namespace raie {
namespace {

struct OperatorName {
  std::string_view text;
  RuleOperator op;
};

// Longer ones first, so that <= is not read as <.
constexpr OperatorName kOperators[] = {
    {"<=", RuleOperator::kLessEqual},  {">=", RuleOperator::kGreaterEqual},
    {"==", RuleOperator::kEqual},      {"!=", RuleOperator::kNotEqual},
    {"^=", RuleOperator::kStartsWith}, {"$=", RuleOperator::kEndsWith},
    {"~=", RuleOperator::kContains},   {"<", RuleOperator::kLess},
    {">", RuleOperator::kGreater},
};

bool ComparesSize(RuleOperator op) {
  return op == RuleOperator::kLess || op == RuleOperator::kLessEqual ||
         op == RuleOperator::kGreater || op == RuleOperator::kGreaterEqual;
}

[[noreturn]] void RefuseRule(std::string_view text, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument,
              "drop '" + std::string(text) + "': " + why +
                  "; write COLUMN OP VALUE with OP one of < <= > >= == != (numbers), ^= (starts "
                  "with), $= (ends with), ~= (contains), e.g. 'Quantity<=0' or 'InvoiceNo^=C'");
}

std::string_view Unquote(std::string_view value) {
  if (value.size() >= 2 && value.front() == value.back() &&
      (value.front() == '\'' || value.front() == '"')) {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

bool Compare(RuleOperator op, double a, double b) {
  switch (op) {
    case RuleOperator::kLess:
      return a < b;
    case RuleOperator::kLessEqual:
      return a <= b;
    case RuleOperator::kGreater:
      return a > b;
    case RuleOperator::kGreaterEqual:
      return a >= b;
    case RuleOperator::kEqual:
      return a == b;
    default:
      return a != b;
  }
}

bool MatchesText(const RowRule& rule, std::string_view field) {
  switch (rule.op) {
    case RuleOperator::kMissing:
      return TrimBlanks(field).empty();
    case RuleOperator::kEqual:
      return field == rule.value;
    case RuleOperator::kNotEqual:
      return field != rule.value;
    case RuleOperator::kStartsWith:
      return field.starts_with(rule.value);
    case RuleOperator::kEndsWith:
      return field.ends_with(rule.value);
    default:
      return field.find(rule.value) != std::string_view::npos;
  }
}

}  // namespace

RowRule ParseDropRule(std::string_view text) {
  RowRule rule;
  std::size_t place = std::string_view::npos;
  OperatorName found{};
  for (std::size_t i = 0; i < text.size() && place == std::string_view::npos; ++i) {
    for (const OperatorName& name : kOperators) {
      if (text.substr(i, name.text.size()) != name.text) continue;
      place = i;
      found = name;
      break;
    }
  }
  if (place == std::string_view::npos) RefuseRule(text, "there is no comparison in it");
  rule.text = "drop " + std::string(text);
  rule.column = TrimBlanks(text.substr(0, place));
  rule.op = found.op;
  rule.value = Unquote(TrimBlanks(text.substr(place + found.text.size())));
  if (rule.column.empty()) RefuseRule(text, "the column is missing");
  rule.number = ParseDecimal(rule.value);
  if (rule.number && std::isnan(*rule.number)) rule.number.reset();
  if (ComparesSize(rule.op) && !rule.number) {
    RefuseRule(text, "'" + rule.value + "' is not a number");
  }
  if (rule.value.empty() && rule.op != RuleOperator::kEqual && rule.op != RuleOperator::kNotEqual) {
    RefuseRule(text, "the value is missing");
  }
  return rule;
}

std::vector<RowRule> ParseRowRules(const ReadOptions& options) {
  std::vector<RowRule> rules;
  for (const std::string& column : options.drop_missing) {
    RowRule rule;
    rule.text = "drop_missing " + column;
    rule.column = column;
    rules.push_back(std::move(rule));
  }
  for (const std::string& text : options.drop) rules.push_back(ParseDropRule(text));
  return rules;
}

RuleVerdict Apply(const RowRule& rule, std::string_view field) {
  const auto verdict = [](bool drop) { return drop ? RuleVerdict::kDrop : RuleVerdict::kKeep; };
  const bool sizes = ComparesSize(rule.op);
  const bool equality = rule.op == RuleOperator::kEqual || rule.op == RuleOperator::kNotEqual;
  if (sizes || (equality && rule.number)) {
    const std::optional<double> number = ParseDecimal(field);
    if (number && !std::isnan(*number)) return verdict(Compare(rule.op, *number, *rule.number));
    if (sizes) return RuleVerdict::kNotANumber;
  }
  return verdict(MatchesText(rule, field));
}

}  // namespace raie
