#include "service/configuration.h"

#include <algorithm>

namespace raie {

void Configure(Configuration& configuration, const std::vector<std::string>& files,
               const std::vector<Setting>& settings) {
  const FieldList fields = FieldsOf(configuration);
  for (const std::string& file : files) SetFromToml(fields, file);
  for (const Setting& setting : settings) {
    SetField(fields, setting.key, setting.value, setting.place);
  }
  CheckRanges(fields, "the configuration cannot be used");
}

std::string DescribeSections(const std::vector<std::string>& sections) {
  Configuration defaults;
  FieldList wanted;
  for (const FieldRef& field : FieldsOf(defaults)) {
    const std::size_t dot = field.path.find('.');
    const std::string section = dot == std::string::npos ? "" : field.path.substr(0, dot);
    if (std::find(sections.begin(), sections.end(), section) != sections.end()) {
      wanted.push_back(field);
    }
  }
  return DescribeFields(wanted);
}

}  // namespace raie
