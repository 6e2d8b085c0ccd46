#include "backbones/pretrained.h"

#include "data/prepared_data.h"

namespace raie {

Texts TextsOf(const PreparedData& data) {
  Texts texts;
  for (std::int32_t i = 0; i < data.num_items(); ++i) {
    const std::string_view title = data.title(ItemId{i});
    texts.items.Add(title.empty() ? data.item_id(ItemId{i}) : title);
  }
  for (std::int32_t u = 0; u < data.num_users(); ++u) texts.users.Add(data.user_id(UserId{u}));
  return texts;
}

StringTable NamesOrIds(const StringTable& ids, const StringTable& titles) {
  StringTable names;
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    const bool titled = i < titles.size() && !titles[i].empty();
    names.Add(titled ? titles[i] : ids[i]);
  }
  return names;
}

}  // namespace raie
