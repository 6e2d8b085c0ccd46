#include "regions/editor_options.h"

namespace raie {

EditorOptions EditorOptions::Preset(EditorPreset preset) {
  EditorOptions options;
  if (preset == EditorPreset::kPaper) {
    options.centre = CentreRule::kEma;
    options.radius = RadiusRule::kEma;
    options.accept = AcceptRule::kAll;
  }
  return options;
}

void EditorOptions::Validate() const {
  EditorOptions copy = *this;
  CheckRanges(FieldsOf(copy), "editor");
}

Confidence ConfidenceOf(const EditorOptions& options) {
  return {options.confidence, options.temperature};
}

}  // namespace raie
