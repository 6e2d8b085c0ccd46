#!/bin/bash
# audit.sh PROGRAM: the audit of a prepared data set, its exit code and its JSON.
. "$(dirname "$0")/lib.sh"

ok "$raie" data simulate --output log --seed 2 --set simulate.users=150 --set simulate.events=6000 \
  --set simulate.items=80 --set simulate.interests=4
ok "$raie" data prepare --input log/events.csv --output strict --context 5
ok "$raie" data audit --data strict
says '^no leak$'
says '^note  k_core '
says '^ok    held_out +[0-9]'
ok "$raie" data prepare --input log/events.csv --output paper --context 5 --protocol paper
run "$raie" data audit --data paper
[ "$code" -eq $kCheckFailed ] || fail "exit code $code where the audit found leaks"
for check in vocabulary k_core held_out; do says "^leak  $check "; done
run "$raie" data audit --data paper --json
[ "$code" -eq $kCheckFailed ] || fail "exit code $code with --json"
[ "$(json leaks)" -ge 3 ] || fail 'fewer than three leaks'
[ "$(grep -c '"verdict": "leak"' .out)" -eq "$(json leaks)" ] || fail 'leaks are not counted'
ok "$raie" data prepare --input log/events.csv --output released --context 5 --protocol as-released
says 'dropped outside the windows of protocol as-released [1-9]'
run "$raie" data audit --data released
[ "$code" -eq $kCheckFailed ] || fail "exit code $code where the published code leaks"
for check in vocabulary held_out; do says "^leak  $check +.*protocol as-released"; done
refused $kUsage 'as-released, whose slices are S, F and T' \
  "$raie" data append --data released --input log/events.csv
refused $kUsage 'as-released has no k-core' \
  "$raie" data prepare --input log/events.csv --output no --protocol as-released --k-core 5
refused $kData 'manifest.json' "$raie" data audit --data log
