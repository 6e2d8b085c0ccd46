// Options as JSON. Apart from options.h, so that who has options need not compile a JSON library.
#pragma once

#include <nlohmann/json.hpp>

#include "base/options.h"

namespace raie {

template <HasFields Options>
nlohmann::ordered_json OptionsToJson(const Options& options) {
  // ToJson only reads through the references.
  return ToJson(FieldsOf(const_cast<Options&>(options)));
}

}  // namespace raie
