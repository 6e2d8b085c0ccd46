#!/bin/bash
# make_runs.sh PROGRAM FOLDER: small runs of every kind and their reports, for report.test.js.
set -euo pipefail
raie=$1
cd "$2"

cat >small.toml <<'TOML'
[backbone.sasrec]
dim = 16
[fit]
batch_size = 64
max_epochs = 6
[fit.adam]
learning_rate = 4e-3
[regions]
k = 4
TOML
"$raie" data simulate --output shop --seed 1 --set simulate.users=300 --set simulate.events=15000 \
  --set simulate.items=120 --set simulate.interests=4
# Titles of all kinds, many of which would end a script.
sed -i -e 's|"Interest \([0-9]\), item \([0-9]*\)"|"Film \2 of interest \1: a <i>long</i> \& quoted ""title"""|' \
  -e '2,60s|,"Film .*",|,"</script><b>x</b>",|' shop/items.csv
titles=(--titles shop/items.csv --set read.title_columns=item=item,title=title,category=category)
"$raie" data prepare --input shop/events.csv "${titles[@]}" --output data --context 8
compare=(compare --config small.toml --set edit.epochs=1 --set edit.checkpoints=3 --tune 1)
# The paper's editor has no gate: every region learns, and answers change.
"$raie" "${compare[@]}" --data data --output run --seeds 2 --editor paper \
  --methods frozen,lora,lora_big,raie,raie_wo_kr,raie_wo_ke,raie_wo_all,random_regions
"$raie" "${compare[@]}" --data data --output sweep --seeds 1 --methods lora,raie \
  --sweep regions.k=2,3,5
"$raie" "${compare[@]}" --data data --output frontier --seeds 1 --methods lora,lora_replay,raie \
  --frontier
"$raie" data prepare --input shop/events.csv --protocol stream --output slices --context 5 \
  --set prepare.slices=0.5,0.7,0.85
"$raie" "${compare[@]}" --data slices --output stream --seeds 1 --methods frozen,lora,raie

"$raie" report --run run --data data --output run.html --figures figures
"$raie" report --run sweep --data data --output sweep.html
"$raie" report --run frontier --output frontier.html
"$raie" report --run stream --data slices --output stream.html
