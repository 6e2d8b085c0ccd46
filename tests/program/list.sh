#!/bin/bash
# list.sh PROGRAM: what there is to choose from, for people and for programs.
. "$(dirname "$0")/lib.sh"

ok "$raie" list methods
says '^frozen +the S backbone as it is$'
says '^raie +regions edited by F.*\[.*2603\.00638'
ok "$raie" list backbones
says '^sasrec +causal transformer.*\[Kang'
ok "$raie" list protocols
for protocol in strict paper as-released stream leave-last-out; do says "^$protocol +[a-z]"; done
ok "$raie" list configs
says '^data/ml-1m +MovieLens 1M'
ok "$raie" list --kind methods --json
for key in name summary source; do
  [ "$(grep -c "^    \"$key\": \"." .out)" -eq "$(grep -c '^  {' .out)" ] || fail "a method without $key"
done
refused $kUsage 'did you mean methods' "$raie" list method
refused $kUsage 'kind is required' "$raie" list
nothing_but
