// Section "Users": whose recommendations changed, and why?
//
// Concept: windows that the model with regions and the frozen one both answered. Examples are those
//          whose NDCG@10 rose and fell most (ties: the one whose list changed more), each of
//          another user, of as many regions as there are. As many losses as gains are shown.
#pragma once

#include "data/prepared_data.h"
#include "report/region_study.h"

namespace raie {

ReportJson UsersSection(const RegionStudy& study, const PreparedData& data);

}  // namespace raie
