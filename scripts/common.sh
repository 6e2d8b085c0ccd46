# What the scripts share: where the project is, and how it is configured and built.
# Sourced, never run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== [%d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*" >&2; }

# build PRESET TARGET [cmake option...]: configures and builds build/PRESET on all processors.
build() {
  local preset=$1 target=$2
  shift 2
  say "building build/$preset"
  cmake --preset "$preset" "$@" >&2 &&
    cmake --build --preset "$preset" --target "$target" -- -j"$(nproc)" >&2
}
