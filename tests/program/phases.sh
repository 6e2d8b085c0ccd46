#!/bin/bash
# phases.sh PROGRAM SHOP: all phases on a small shop, and what they print; the edited model must beat
# popularity.
. "$(dirname "$0")/lib.sh"
shop=$1
data=$shop/data
cp -r "$shop/model" model

ok "$raie" data stats --data "$data" --json
[ "$(json before/S/events)" -gt 5000 ] || fail 'too few events in S'
[ "$(json windows/T)" -gt 0 ] || fail 'no windows in T'
says '"cuts": \['

ok "$raie" show --model model --json
[ "$(json current)" = 0 ] || fail 'version 0 is not current'

ok "$raie" drift --model model --data "$data" --json
says '"p_value"'
diff -r "$shop/model" model || fail 'drift changed the model'

ok "$raie" evaluate --model model --data "$data" --json
before=$(json T/recall@10)
cp .out version0.json

ok "$raie" edit --model model --data "$data" --config "$shop/small.toml" --json
[ "$(json version)" = 1 ] || fail 'no version 1'
[ "$(json edits/updated)" -gt 0 ] || fail 'no window was updated'
[ -n "$(json comparison/separability_after)" ] || fail 'nothing is said of how regions are apart'

ok "$raie" evaluate --model model --data "$data" --json
for part in S_in_sample S_held_out T T_returning T_new_users T_seen_items T_new_items T_outside; do
  json $part/windows | grep -q '^[0-9]' || fail "no part $part"
done
says '"T_cross"'
[ "$(grep -c '_seen_items"\|_new_items"\|_outside"' .out)" -ge 6 ] || fail 'not six cells'
after=$(json T/recall@10)
cp .out version1.json
greater "$after" "$(awk -v b="$before" 'BEGIN { print b * 0.9 }')"

greater "$after" "$(awk -v p="$(popularity "$shop/log/events.csv")" 'BEGIN { print 1.5 * p }')"

user=$(sed -n 2p "$shop/log/events.csv" | cut -d, -f1)
ok "$raie" recommend --model model --data "$data" --user "$user" --count 5
[ "$(grep -c '^ *[0-9]' .out)" -eq 5 ] || fail 'not 5 recommendations'
items=($(sed -n '2,5p' "$shop/log/events.csv" | cut -d, -f2))
ok "$raie" recommend --model model --history "${items[@]}" unheard-of --exclude-seen --json
grep -q 'unheard-of' .err || fail 'the unknown item is not named'
for item in "${items[@]}"; do
  ! grep -q "\"item\": \"$item\"" .out || fail "$item was in the history"
done
printf '%s\t%s\n%s\n' "${items[0]}" "${items[1]}@1000000" "${items[2]}" >histories
ok "$raie" recommend --model model --input histories --json
[ "$(wc -l <.out)" -eq 2 ] || fail 'not two answers'

ok "$raie" show --model model --history
says '^1 +0 +1 .*answers'
ok "$raie" rollback --model model
ok "$raie" evaluate --model model --data "$data" --json
diff version0.json .out || fail 'after the rollback the answers differ'
ok "$raie" rollback --model model --version 1
ok "$raie" evaluate --model model --data "$data" --json --threads 1
diff version1.json .out || fail 'another number of threads, another answer'
