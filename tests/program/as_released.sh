#!/bin/bash
# as_released.sh PROGRAM SHOP: what the published code does, from prepare to compare, and labelled.
. "$(dirname "$0")/lib.sh"
shop=$1
quick=(--config "$shop/small.toml" --set fit.max_epochs=3 --set edit.epochs=1)

ok "$raie" data prepare --input "$shop/log/events.csv" --output data --context 8 \
  --protocol as-released
ok "$raie" data stats --data data --json
[ "$(json windows/held_out)" = 0 ] || fail 'something is held out'
greater "$(json windows/S)" 0
[ "$(json windows/S)" = "$(json windows/S_training)" ] || fail 'windows of S are kept out of training'
f_windows=$(json windows/F)
run "$raie" data audit --data data
[ "$code" -eq $kCheckFailed ] || fail 'the audit finds no leak'

# Nothing is tuned, whatever is asked for; the methods are those that are reproduced.
ok "$raie" compare --data data "${quick[@]}" --seeds 1 --tune 3 --output run
grep -q '3 cells (1 variants x 3 methods x 1 seeds), 0 done; left: 1 fits, 0 tuning passes' .err ||
  fail 'another plan'
says '^Protocol as-released \(what the published code does'
says 'S in-sample'
for method in frozen lora raie; do says "^sasrec +$method "; done
grep -q 'Protocol as-released' run/results.md || fail 'results.md is not labelled'
grep -q '"protocol": "as-released"' run/results.json || fail 'results.json is not labelled'
cell=run/cells/sasrec/base
grep -q '"protocol": "as-released"' $cell/raie/seed-0/cell.json || fail 'the cell is not labelled'
[ -s $cell/raie/seed-0/S_in_sample.windows ] || fail 'no windows of S'
[ ! -e $cell/raie/seed-0/S_held_out.windows ] || fail 'there are held-out windows'

# Its samples against those of lora, no Expand, no new region.
samples() { awk '/"samples"/ { print $2 + 0; exit }' "$cell/$1/seed-0/cell.json"; }
[ "$(samples lora)" -eq "$f_windows" ] || fail "lora saw $(samples lora) samples of $f_windows windows"
greater "$(samples raie)" $((6 * f_windows))
greater $((13 * f_windows / 2)) "$(samples raie)"
grep -q '"expanded": 0,' $cell/raie/seed-0/cell.json || fail 'a region was expanded'
grep -q '"regions_added": 0,' $cell/raie/seed-0/cell.json || fail 'a region was added'
[ "$(tail -n +2 $cell/raie/seed-0/journal.tsv | wc -l)" -eq "$f_windows" ] || fail 'another journal'
! cut -f1 $cell/raie/seed-0/journal.tsv | grep -q expand || fail 'the journal has an Expand'
cp -r run again
rm -r again/cells/sasrec/base/raie
ok "$raie" compare --data data "${quick[@]}" --seeds 1 --output again --threads 1
cmp run/results.csv again/results.csv || fail 'another result on another number of threads'

# What is not reproduced is refused before anything is run.
common=(compare --data data "${quick[@]}" --seeds 1 --output no)
refused $kUsage 'as-released has frozen, lora and raie; lora_replay' \
  "$raie" "${common[@]}" --methods lora,lora_replay
refused $kUsage 'as-released has .*raie_wo_all' "$raie" "${common[@]}" --methods lora,raie_wo_all
refused $kUsage 'SASRec only, not bert4rec' "$raie" "${common[@]}" --backbones bert4rec
refused $kUsage 'edit.budget' "$raie" "${common[@]}" --budget equal
refused $kUsage 'prepared with protocol as-released, not paper' "$raie" "${common[@]}" --protocol paper
[ ! -e no/cells ] || fail 'a refused run ran a cell'

ok "$raie" demo --data data "${quick[@]}"
says '^Protocol as-released'
says '^RAIE \(as released\) +0\.'
says 'S in-sample R@10'

# A model of S is one like others, but its regions are found in F, by compare.
ok "$raie" fit --data data --model model "${quick[@]}"
ok "$raie" evaluate --model model --data data --json
[ "$(json S_held_out/windows)" = 0 ] || fail 'evaluate has held-out windows'
greater "$(json S_in_sample/windows)" 0
refused $kUsage 'as-released.*raie compare' "$raie" edit --model model --data data
