#!/bin/bash
# masked_backbone.sh PROGRAM SHOP: all phases with bert4rec; it must beat popularity.
. "$(dirname "$0")/lib.sh"
shop=$1
data=$shop/data
small=(--config "$shop/small.toml" --set backbone.name=bert4rec --set backbone.bert4rec.dim=32
       --set fit.max_epochs=60 --set fit.cloze.last_share=0.5)

ok "$raie" fit --data "$data" --model model "${small[@]}" --json
ok "$raie" fit --data "$data" --model again "${small[@]}" --threads 5 --json
diff -r model again || fail 'another model with 5 threads'
ok "$raie" edit --model model --data "$data" "${small[@]}" --json
[ "$(json version)" = 1 ] || fail 'no version 1'
ok "$raie" evaluate --model model --data "$data" --json
after=$(json T/recall@10)
greater "$after" "$(awk -v p="$(popularity "$shop/log/events.csv")" 'BEGIN { print 1.5 * p }')"
ok "$raie" drift --model model --data "$data" --json

user=$(sed -n 2p "$shop/log/events.csv" | cut -d, -f1)
ok "$raie" recommend --model model --data "$data" --user "$user" --json
cp .out of_user
mapfile -t history < <(awk -F, -v user="$user" 'NR > 1 && $1 == user { print $2 }' \
  "$shop/log/events.csv" | tail -n 8)
ok "$raie" recommend --model model --history "${history[@]}" --json
diff of_user .out || fail 'the same history, another answer'

refused $kUsage 'mask_share' "$raie" fit --data "$data" --model none "${small[@]}" \
  --set fit.cloze.mask_share=1

ok "$raie" demo --set backbone.name=bert4rec --set backbone.bert4rec.dim=16 --set fit.max_epochs=2 \
  --set simulate.users=200 --set simulate.events=8000 --set simulate.items=120 \
  --set simulate.interests=4 --set regions.k=4 --json
[ "$(grep -c '"method": ' .out)" -ge 4 ] || fail 'the demo compares nothing'
