#!/bin/bash
# compare.sh PROGRAM SHOP: a grid runs, may be killed at any moment and gone on with, and ends with
# the same files; sweeps, streams and leave-last-out.
. "$(dirname "$0")/lib.sh"
shop=$1
quick=(--config "$shop/small.toml" --set fit.max_epochs=3 --set edit.epochs=1
  --set edit.checkpoints=3)
methods=frozen,lora,raie,raie_wo_all
common=(compare --data "$shop/data" "${quick[@]}")
grid=("${common[@]}" --methods $methods --seeds 2 --tune 2)

# The plan is told before anything is run.
ok "$raie" "${grid[@]}" --output whole --plan
grep -q '6 cells (1 variants x 3 methods x 2 seeds), 0 done; left: 2 fits, 4 tuning passes' .err ||
  fail 'no plan'
grep -q ', about [0-9]* s$' .err || fail 'no duration'
[ ! -e whole/cells ] || fail 'the plan ran a cell'

ok "$raie" "${grid[@]}" --output whole
grep -Eq '^took 2 fits: about .*, 4 tuning passes: about .*, 6 cells: about .*; peak memory .* [1-9][0-9]* MB$' .err ||
  fail 'does not say what it took'
says '^sasrec +raie_wo_all '
for file in results.json results.csv results.md results.tex times.csv \
  cells/sasrec/base/raie/seed-1/{cell.json,T.windows,S_held_out.windows,journal.tsv} \
  cells/sasrec/base/raie/seed-1/regions_{before,after}/regions.json; do
  [ -s "whole/$file" ] || fail "no $file"
done
[ ! -e whole/cells/sasrec/base/raie_wo_all ] || fail 'raie_wo_all has cells of its own'
# It is lora's row, number by number.
[ "$(grep -c ',lora,' whole/results.csv)" -eq 2 ] || fail 'lora has not two lines'
cmp <(sed -n 's/,lora,/,x,/p' whole/results.csv) <(sed -n 's/,raie_wo_all,/,x,/p' whole/results.csv) ||
  fail 'raie_wo_all is not lora'

# Killed when the first cell is there, then interrupted, then gone on with, on another number of
# threads: the same files but for the times.
"$raie" "${grid[@]}" --output killed --threads 2 >/dev/null 2>&1 &
pid=$!
for _ in $(seq 600); do
  [ -d killed/cells/sasrec/base/frozen/seed-0 ] && break
  sleep 0.05
done
kill -KILL $pid
wait $pid 2>/dev/null || true
[ ! -d killed/cells/sasrec/base/raie/seed-1 ] || fail 'killed too late to show anything'
: >killed/cells/sasrec/base/frozen/seed-0/x.partial.1.1 # as a write that was cut short leaves it
"$raie" "${grid[@]}" --output killed --threads 1 >/dev/null 2>.err &
pid=$!
for _ in $(seq 600); do
  [ -d killed/cells/sasrec/base/lora/seed-0 ] && break
  sleep 0.05
done
kill -INT $pid
code=0
wait $pid || code=$?
[ "$code" -eq $kInterrupted ] || fail "exit code $code after an interrupt"
ok "$raie" "${grid[@]}" --output killed --threads 1
diff -r -x times.json -x times.csv -x .lock whole killed || fail 'another result after a resume'
ok "$raie" "${grid[@]}" --output killed
grep -q '6 done; left: 0 fits, 0 tuning passes, 0 cells$' .err || fail 'finished cells were run again'

# A run grows, but is never mixed with another one.
ok "$raie" "${common[@]}" --methods $methods --tune 2 --output killed --seeds 3
grep -q '9 cells .* 6 done; left: 1 fits' .err || fail 'the run did not grow'
refused $kUsage 'begun with other settings: edit.learning_rate \(.*, now 0.001\)' \
  "$raie" "${grid[@]}" --output killed --set edit.learning_rate=1e-3
# A value that is given is not tuned, also if it is the default: what was tuned before must not win over it.
refused $kUsage 'chosen among other configurations' "$raie" "${grid[@]}" --output killed --set edit.gate=drift-or-gain
refused $kUsage 'begun with other settings: tune \(2, now 3\)' "$raie" "${common[@]}" --methods $methods --output killed --tune 3
refused $kUsage 'is something else' "$raie" "${grid[@]}" --output "$shop/data"
refused $kUsage 'did you mean lora' "$raie" "${common[@]}" --output new --methods lore
refused $kUsage 'no backbone "sas"' "$raie" "${grid[@]}" --output new --backbones sas
refused $kUsage 'regions.kk.*regions.k' "$raie" "${grid[@]}" --output new --sweep regions.kk=1
refused $kUsage 'would change nothing' "$raie" "${grid[@]}" --output new --sweep prepare.context=5
refused $kUsage 'different values' "$raie" "${grid[@]}" --output new --sweep regions.k=3,3
refused $kUsage 'prepared with protocol strict, not paper' \
  "$raie" "${grid[@]}" --output new --protocol paper
refused $kUsage 'drift.level' "$raie" "${grid[@]}" --output new --set edit.gate=drift \
  --sweep edit.drift.level=0.05,0
[ ! -e new/cells ] || fail 'a refused run ran a cell'

# A frontier: each method's own knob, from what was tuned; the run it grows from keeps its cells.
frontier=("${common[@]}" --tune 2 --seeds 1 --methods lora_replay,raie --frontier)
ok "$raie" "${frontier[@]}" --output whole
grep -q '20 points x 1 seeds' .err || fail 'no plan of the frontier'
says '^sasrec +raie \(editor=paper\) +6 '
[ -s whole/cells/sasrec/edit.replay.weight=0.9/lora_replay/seed-0/cell.json ] || fail 'no point'
[ ! -e whole/cells/sasrec/edit.replay.weight=0.9/raie ] || fail 'a knob of another method was swept'
[ ! -e whole/tuning/sasrec/edit.rho=0.9 ] || fail 'a point of a frontier was tuned'
grep -q '"edit.learning_rate"' whole/cells/sasrec/edit.rho=0.9/raie/seed-0/cell.json ||
  fail 'the tuned rate was not taken over'
[ "$(sed -n '/"tuned"/,/}/p' whole/cells/sasrec/edit.rho=0.9/raie/seed-0/cell.json | grep -c edit.rho)" -eq 0 ] ||
  fail 'the swept knob is said to be tuned'
[ "$(wc -l <whole/frontier.csv)" -eq 21 ] || fail 'frontier.csv has not every point'
refused $kUsage 'not both' "$raie" "${frontier[@]}" --output whole --sweep regions.k=2,3

# What a file or a flag gives is not tuned, and it is said who is tried with fewer configurations.
printf '[edit]\nlearning_rate = 1e-3\n' >rate.toml
given=("${common[@]}" --config rate.toml --set edit.rho=0 --methods lora,raie --seeds 1)
ok "$raie" "${given[@]}" --tune 3 --output given --plan
grep -q 'note: lora is tuned on 1 of 3 configurations, since you give edit.learning_rate$' .err ||
  fail 'no note of a smaller grid'
! grep -q 'note: raie' .err || fail 'raie has gates and sharing left to tune'
ok "$raie" "${given[@]}" --tune 3 --output given
tuning=given/tuning/sasrec/base/raie.json
! grep -Eq 'learning_rate|rho' $tuning || fail 'what was given was tuned'
[ "$(grep -c '"edit.gate"' $tuning)" -eq 3 ] || fail 'the gate was not tuned'
grep -q '"learning_rate": 0.001' given/cells/sasrec/base/raie/seed-0/cell.json || fail 'another rate'
refused $kUsage 'tune 13: method lora has 12 .*--tune 12' \
  "$raie" "${common[@]}" --methods lora --tune 13 --output many

# A sweep is a grid; what fits alike shares its checkpoint.
ok "$raie" compare --data "$shop/data" "${quick[@]}" --methods raie --reference frozen --seeds 1 \
  --tune 1 --sweep regions.k=2,3 --sweep edit.rho=0,0.5 --output sweep --json
[ "$(ls sweep/fits/sasrec | wc -l)" -eq 1 ] || fail 'the sweep fitted more than once'
[ "$(ls -d sweep/cells/sasrec/*/raie | wc -l)" -eq 4 ] || fail 'not four points'
[ "$(json missing)" = 0 ] || fail 'cells are missing'
for k in 2 3; do
  cell=sweep/cells/sasrec/regions.k=$k,edit.rho=0.5/raie/seed-0
  [ "$(grep -c '"id"' "$cell/regions_before/regions.json")" -eq $k ] || fail "not $k regions"
  grep -q '"rho": 0.5' "$cell/cell.json" || fail 'rho is not 0.5'
done

# Any gate can be planned.
ok "$raie" compare --data "$shop/data" "${quick[@]}" --methods raie --reference frozen --seeds 1 \
  --tune 1 --set edit.gate=gain --plan --output gated

# Protocol paper measures S in-sample and trains its own epochs.
ok "$raie" data prepare --input "$shop/log/events.csv" --protocol paper --output paper --context 8
ok "$raie" compare --data paper "${quick[@]}" --methods lora --editor paper --seeds 1 --tune 2 \
  --output papers
grep -q '"pass": "whole"' papers/cells/sasrec/base/lora/seed-0/cell.json || fail 'no curve of epochs'
awk '/"S_in_sample"/ { getline; exit !($2 + 0 > 0) }' papers/cells/sasrec/base/lora/seed-0/cell.json ||
  fail 'S in-sample has no windows'

# A stream of three slices after slice 0.
ok "$raie" data prepare --input "$shop/log/events.csv" --protocol stream --output stream --context 5 \
  --set prepare.slices=0.5,0.7,0.85
ok "$raie" compare --data stream "${quick[@]}" --methods frozen,lora,raie --seeds 1 --tune 1 \
  --output streams --json
says '"forgetting": -?[0-9]'
says '"forward_transfer": -?[0-9]'
cell=streams/cells/sasrec/base
for file in "$cell"/raie/seed-0/journal-{1,2,3}.tsv "$cell/lora/seed-0/next.windows"; do
  [ -s "$file" ] || fail "no $file"
done
# Frozen learns nothing, so nothing transfers forward.
sed -n '/"stream"/,$p' "$cell/frozen/seed-0/cell.json" | grep '"forward_transfer"' >.out
[ "$(grep -c ': 0.0,$' .out)" -eq 2 ] || fail 'frozen has a forward transfer'

# Backbones alone.
ok "$raie" data prepare --input "$shop/log/events.csv" --protocol leave-last-out --output llo \
  --context 8 --set prepare.min_context=1
ok "$raie" compare --data llo "${quick[@]}" --seeds 2 --output llos
says '^sasrec +frozen .*0\.[0-9]{4}'
