#!/bin/bash
# popularity_prior.sh PROGRAM SHOP: a prior that validation chose is kept in the version, answers
# everywhere, goes with its version, and is part of a comparison.
. "$(dirname "$0")/lib.sh"
shop=$1
# The gate of drift stays shut here; that of gain opens, and training learns the season as well.
quick=(--config "$shop/small.toml" --set fit.max_epochs=3 --set edit.epochs=1 --set edit.checkpoints=3
  --set edit.gate=drift)
on=(--set edit.popularity_prior.use=on)

# A season begins in F: every other event is of one of three items.
events=$shop/log/events.csv
start=$(cut -d, -f3 "$events" | tail -n +2 | sort -n |
  awk '{ time[NR] = $1 } END { print time[int(.65 * NR)] }')
season=$(sed -n '2,40p' "$events" | cut -d, -f2 | sort -u | head -3 | tr '\n' ' ')
awk -F, -v start="$start" -v season="$season" '
  BEGIN { n = split(season, items, " ") }
  NR > 1 && $3 >= start && NR % 2 { print $1 "," items[1 + NR % 7 % n] "," $3; next }
  { print }' "$events" >events.csv
ok "$raie" data prepare --input events.csv --output data --context 8
ok "$raie" fit --data data --model plain "${quick[@]}"
cp -r plain model

# Without it nothing is said of it, and no file is there.
ok "$raie" edit --model plain --data data "${quick[@]}"
! grep -qi 'popularity' .out || fail 'a prior that nobody asked for'
[ ! -e plain/versions/0001/prior.json ] || fail 'a prior that nobody asked for is kept'
ok "$raie" show --model plain
! grep -q 'popularity' .out || fail 'show names a prior that is not there'
ok "$raie" evaluate --model plain --data data --skip-in-sample --json
without=$(json T/ndcg@10) kept=$(json S_held_out/ndcg@10)

ok "$raie" edit --model model --data data "${quick[@]}" "${on[@]}"
says '^weight (0\.[1-9]|1\.6|3\.2).*half-life [0-9.]+ days; F validation NDCG@10 .*, without it .* from 31 in [0-9.]+ s'
[ -s model/versions/0001/prior.safetensors ] || fail 'the counts are not kept'
ok "$raie" show --model model
says 'popularity prior: weight (0\.[1-9]|1\.6|3\.2).* days, events of [0-9]+ items counted up to 2[0-9]{3}-'
ok "$raie" show --model model --json
weight=$(json popularity_prior/weight)
grep -q "\"weight\": $weight" model/versions/0001/version.json || fail 'another weight in version.json'
ok "$raie" evaluate --model model --data data --skip-in-sample --json
cp .out evaluated.json
greater "$(json T/ndcg@10)" "$(awk -v w="$without" 'BEGIN { print w + .02 }')"
# Windows of S are answered with what was popular before the season (with its counts: .08 less).
greater "$(json S_held_out/ndcg@10)" "$(awk -v k="$kept" 'BEGIN { print k - .05 }')"

# What answers a request has it, too: an item of the season comes first for most.
awk -F, 'NR > 1 && NR % 500 == 2 { print $2 "\t" last } { last = $2 }' "$events" >histories
first_of_season() {
  ok "$raie" recommend --model "$1" --input histories --count 1 --json
  grep -o '"item":"[^"]*"' .out | cut -d'"' -f4 | grep -cxF -f <(tr ' ' '\n' <<<"${season% }") || true
}
plain=$(first_of_season plain)
[ "$(first_of_season model)" -gt "$plain" ] || fail 'requests are answered without the prior'

# One byte of it changed is found; it goes and comes with its version.
cp -r model broken
printf '\1' | dd of=broken/versions/0001/prior.safetensors bs=1 seek=100 conv=notrunc status=none
refused $kData 'prior.safetensors' "$raie" show --model broken
ok "$raie" rollback --model model
ok "$raie" show --model model --json
[ "$(json popularity_prior)" = null ] || fail 'version 0 has a prior'
ok "$raie" rollback --model model --version 1
ok "$raie" evaluate --model model --data data --skip-in-sample --json --threads 1
diff evaluated.json .out || fail 'after rollbacks the answers differ'

# A slice without a window counts its events; the next edit chooses anew, or has none if told so.
latest=$(cut -d, -f3 events.csv | sort -n | tail -1)
printf 'user,item,time\n%s,%s,%d\n' "$(tail -1 events.csv | cut -d, -f1)" "${season%% *}" \
  $((latest + 10)) >one.csv
ok "$raie" edit --model model --data data "${quick[@]}"
cp -r data longer
ok "$raie" data append --data longer --input one.csv
ok "$raie" edit --model model --data longer "${quick[@]}"
says 'note: slice 3 has no window'
ok "$raie" show --model model --json
[ "$(json popularity_prior/counted_until)" -eq $((latest + 11)) ] || fail 'the last event is not counted'
ok "$raie" rollback --model model --version 1
ok "$raie" edit --model model --data data "${quick[@]}" --set edit.popularity_prior.use=off
ok "$raie" show --model model --json
[ "$(json popularity_prior)" = null ] || fail 'a prior that was switched off'

# In a comparison it is one setting; every method chooses its own, and cells say which.
common=(compare --data data "${quick[@]}" --methods frozen,lora,lsat,raie,recent_popularity --seeds 1
  --tune 1)
ok "$raie" "${common[@]}" --output off
ok "$raie" "${common[@]}" "${on[@]}" --output on
says 'prior weight'
for method in frozen lora lsat raie recent_popularity; do
  cell=cells/sasrec/base/$method/seed-0
  ! grep -q '"popularity_prior": {$' <(sed '/"configuration"/,$d' "off/$cell/cell.json") ||
    fail "$method has a prior without being told"
  grep -q '"use": "on"' "on/$cell/cell.json" || fail "the setting is not in the cell of $method"
  grep -q '"half_life_days"' "on/$cell/cell.json" || fail "$method has not chosen"
  grep -q '"prior_seconds"' "on/$cell/times.json" || fail "$method does not say how long it took"
done
for method in frozen lora raie; do
  greater "$(awk -F, -v m=$method '$3 == m && $5 == "T" { print $11 }' on/results.csv)" \
    "$(awk -F, -v m=$method '$3 == m && $5 == "T" { print $11 + .02 }' off/results.csv)"
  greater "$(awk -F, -v m=$method '$3 == m && $5 == "S_held_out" { print $11 }' on/results.csv)" \
    "$(awk -F, -v m=$method '$3 == m && $5 == "S_held_out" { print $11 - .06 }' off/results.csv)"
done
ok "$raie" "${common[@]}" "${on[@]}" --output again --threads 1
diff -r -x times.json -x times.csv -x .lock on again || fail 'another number of threads, another result'
refused $kUsage 'begun with other settings: edit.popularity_prior.use \("on", now "off"\)' \
  "$raie" "${common[@]}" --output on
refused $kUsage 'nothing to choose from' \
  "$raie" "${common[@]}" "${on[@]}" --set 'edit.popularity_prior.weights=[]' --output none
