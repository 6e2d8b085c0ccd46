// Section "Comparison": which methods are better than the reference, and which cannot be told
// apart? (The paper's Table 2, with intervals and significance.)
//
// Concept: nothing is said to be better or worse but by the verdicts of results.json.
// Source:  METHOD section 2 ("Statistics").
#pragma once

#include <string>
#include <vector>

#include "report/blocks.h"
#include "report/run_files.h"

namespace raie {

ReportJson ComparisonSection(const RunFiles& run);

// The parts of the results, the one methods are judged on first.
std::vector<std::string> PartsByInterest(const ReportJson& results);

// One sentence of what the verdicts say of a part of some rows: "On T, a and b are significantly
// better than lora; c is significantly worse; d and e cannot be told apart from lora."
std::string VerdictSentence(const ReportJson& results, const std::string& part,
                            const std::vector<const ReportJson*>& rows);

// PartName as it stands in a sentence: "T", "S held-out", "the next slice".
std::string PartLabel(const std::string& part);

// "lora", or "lora (bert4rec)" where there are several backbones.
std::string RowName(const ReportJson& results, const ReportJson& row);

// The same with the swept settings of its point.
std::string PointName(const ReportJson& results, const ReportJson& row);

// Significantly "better" or "worse", "same", or "" for what was not tested.
std::string VerdictOf(const ReportJson& row, const std::string& part);

// An interval of a row's part, or null: "ndcg@10" or "recall@10".
ReportJson IntervalOf(const ReportJson& row, const std::string& part, const char* metric);

}  // namespace raie
