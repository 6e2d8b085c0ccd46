#!/bin/bash
# timed_backbone.sh PROGRAM SHOP: all phases with tisasrec, and what it does with the times of a
# history.
. "$(dirname "$0")/lib.sh"
shop=$1
data=$shop/data
small=(--config "$shop/small.toml" --set backbone.name=tisasrec --set backbone.tisasrec.dim=32
       --set backbone.tisasrec.max_interval=64)

ok "$raie" fit --data "$data" --model model "${small[@]}" --json
cp -r model version0
for threads in 1 5; do
  ok "$raie" fit --data "$data" --model again "${small[@]}" --threads $threads --json
  diff -r model again || fail "another model with $threads threads"
  rm -r again
done
ok "$raie" edit --model model --data "$data" "${small[@]}" --json
[ "$(json version)" = 1 ] || fail 'no version 1'
ok "$raie" evaluate --model model --data "$data" --json
greater "$(json T/recall@10)" 0.5
ok "$raie" drift --model version0 --data "$data" --json
says '"p_value"'

# A user's history from the data: its items and times on the command line give the same answer.
user=$(sed -n 2p "$shop/log/events.csv" | cut -d, -f1)
ok "$raie" recommend --model model --data "$data" --user "$user" --json
cp .out of_user
mapfile -t timed < <(awk -F, -v user="$user" 'NR > 1 && $1 == user { print $2 "@" $3 }' \
  "$shop/log/events.csv" | tail -n 8)
ok "$raie" recommend --model model --history "${timed[@]}" --json
diff of_user .out || fail 'the same history, another answer'
grep -q '"score"' .out || fail 'no scores'

# What was bought stays, when it was bought changes: so does the answer.
last=${timed[-1]}
later=("${timed[@]:0:7}" "${last%@*}@$((${last#*@} + 86400 * 365))")
ok "$raie" recommend --model model --history "${later[@]}" --json
! diff -q of_user .out >/dev/null || fail 'a year without events changes nothing'

refused $kUsage 'has no time, and tisasrec reads times' \
  "$raie" recommend --model model --history "${timed[@]%@*}"
refused $kUsage 'oldest first' "$raie" recommend --model model --history "${timed[7]}" "${timed[0]}"
printf '%s\n%s\n' "${timed[0]%@*}" "${timed[0]}" >histories
run "$raie" recommend --model model --input histories --json
[ "$code" -eq $kData ] || fail 'a line without times was answered'
[ "$(grep -c '"error"' .out)" -eq 1 ] || fail 'not one error'
[ "$(grep -c '"items"' .out)" -eq 1 ] || fail 'not one answer'

ok "$raie" demo --set backbone.name=tisasrec --set backbone.tisasrec.dim=16 --set fit.max_epochs=2 \
  --set simulate.users=200 --set simulate.events=8000 --set simulate.items=120 \
  --set simulate.interests=4 --set regions.k=4 --json
[ "$(grep -c '"method": ' .out)" -ge 4 ] || fail 'the demo compares nothing'
