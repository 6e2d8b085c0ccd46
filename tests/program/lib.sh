# What the tests of the program share. Sourced with the program as first argument.
set -euo pipefail

raie=$1
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/raie-test-XXXXXX")
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"

readonly kUsage=2 kData=3 kCheckFailed=4 kInterrupted=130 kSkip=77

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  [ ! -s "$work/.out" ] || { echo '-- standard output'; head -c 4000 "$work/.out"; } >&2
  [ ! -s "$work/.err" ] || { echo '-- standard error'; head -c 4000 "$work/.err"; } >&2
  exit 1
}

skip() {
  printf 'SKIPPED: %s\n' "$*"
  exit $kSkip
}

# run COMMAND...: standard output and error go to .out and .err, the exit code to $code.
run() {
  code=0
  "$@" >"$work/.out" 2>"$work/.err" || code=$?
}

# ok COMMAND...: must succeed.
ok() {
  run "$@"
  [ "$code" -eq 0 ] || fail "exit code $code: $*"
}

# refused CODE TEXT COMMAND...: must fail with this exit code and say TEXT (an extended regular
# expression) on standard error, in one error message, without a trace of a crash.
refused() {
  local wanted=$1 text=$2
  shift 2
  run "$@"
  [[ $code =~ ^$wanted$ ]] || fail "exit code $code where $wanted was expected: $*"
  grep -Eqi -- "$text" "$work/.err" || fail "the error does not say '$text': $*"
  [ "$(grep '^raie: ' "$work/.err" | grep -vc '^raie: note: ')" -le 1 ] || fail "more than one error: $*"
  ! grep -Eq 'terminate called|Sanitizer|runtime error' "$work/.err" || fail "crashed: $*"
}

# nothing_but FILE...: the current folder holds these files and folders only.
nothing_but() {
  local found wanted
  found=$(find . -mindepth 1 -maxdepth 1 ! -name .out ! -name .err -printf '%f\n' | sort | tr '\n' ' ')
  wanted=$([ $# -eq 0 ] || printf '%s\n' "$@" | sort | tr '\n' ' ')
  [ "$found" = "$wanted" ] || fail "the folder holds '$found' where '$wanted' was expected"
}

# says TEXT: the last standard output holds it.
says() { grep -Eq -- "$1" "$work/.out" || fail "standard output does not say '$1'"; }

# json PATH: a value of the last standard output, which is JSON; keys separated by '/'.
# No JSON tool is needed: one key a line, two spaces a level, as the program prints it.
json() {
  awk -v path="$1" '
    BEGIN { depth = split(path, want, "/"); at = 0 }
    {
      match($0, /^ */); level = RLENGTH / 2
      if (level <= at - 0 && level <= at) at = level - 1
      if (at < 0) at = 0
      line = substr($0, RLENGTH + 1)
      key = line; sub(/^"/, "", key); sub(/":.*/, "", key)
      if (level == at + 1 && line ~ /^"/ && key == want[level]) {
        at = level
        if (level == depth) {
          value = line; sub(/^"[^"]*": */, "", value); sub(/,$/, "", value)
          gsub(/^"|"$/, "", value); print value; exit
        }
      }
    }' "$work/.out"
}

# greater A B: A > B as numbers.
greater() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 > b + 0) }' || fail "$1 is not above $2"; }

# differs A B: two texts that must not be the same.
differs() { [ "$1" != "$2" ] || fail "the same twice: $1"; }

# popularity EVENTS: recall@10 on T of the most popular items of F, without the program.
popularity() {
  awk -F, 'NR > 1 { print $3 "," $1 "," $2 }' "$1" | sort -n |
    awk -F, '{ time[NR] = $1; item[NR] = $3 } END {
      first = int(.5 * NR) + 1; last = int(.8 * NR)
      for (i = first; i <= last; ++i) ++count[item[i]]
      for (rank = 1; rank <= 10; ++rank) {
        best = ""
        for (x in count) if (!(x in top) && (best == "" || count[x] > count[best])) best = x
        top[best] = 1
      }
      for (i = last + 1; i <= NR; ++i) hits += (item[i] in top)
      print hits / (NR - last) }'
}
