#!/bin/bash
# reports.sh PROGRAM SHOP: what commands say of a run is what the run did, and what they write does
# not depend on how it was run.
. "$(dirname "$0")/lib.sh"
shop=$1
data=$shop/data
quick=(--config "$shop/small.toml" --set fit.max_epochs=1 --set edit.epochs=1)

# Same model directory for any number of threads.
for threads in 1 2; do
  ok "$raie" fit --data "$data" --model "model$threads" "${quick[@]}" --threads $threads
  ok "$raie" edit --model "model$threads" --data "$data" --set edit.budget=own --threads $threads
done
diff -r model1 model2 || fail 'the model depends on the number of threads'

# Training that validation turned down altogether saw no row: no region is called trained.
cp -r "$shop/model" model
ok "$raie" edit --model model --data "$data" --editor paper --set edit.budget=equal \
  --set edit.learning_rate=1 --set edit.drift.interval=0.8
says '^0 samples in 0 steps; validation chose 0.0 % of the training'
! grep -Eq ' trained ' .out || fail 'a region is called trained'
says ' untouched '
says ' 80 % interval'
says 'refused at the cap [0-9]+, dropped [0-9]'

# Regions that the keep gate turned down are told from those that were trained.
rm -rf model
cp -r "$shop/model" model
ok "$raie" edit --model model --data "$data" --set edit.gate=off --set edit.learning_rate=1e-2
says '[0-9] +turned down by validation '
says '[0-9] +trained '

# Why each region was trained or not is told, and by how much it gained where that decided.
says '^region +outcome +gate +new windows'
says '^[0-9]+ .* no gate '
for gate in drift gain drift-or-gain; do
  rm -rf model
  cp -r "$shop/model" model
  ok "$raie" edit --model model --data "$data" --set edit.gate=$gate --set edit.learning_rate=1e-2 \
    --set edit.epochs=1
  cp .out edit.$gate
done
says '^[0-9]+ +(trained|turned down by validation) +(drifts|gains|drifts and gains) '
grep -Eq '^region +outcome +gate +new windows' edit.drift || fail 'the drift gate tells gains'
! grep -Eq ' gains ' edit.drift || fail 'a gain opened the drift gate'
for gate in gain drift-or-gain; do
  grep -Eq '^region +outcome +gate +gain \(nats\) +users +p +p \(Holm\)' edit.$gate || fail "no gains of $gate"
  # A gain opens the gate just where it is above 0 and p (Holm) below .05.
  awk -v gate=$gate '/^region +outcome/ { table = 1; next } /^-/ { next } / samples in / { table = 0 }
    table { line = $0; sub(/turned down by validation/, "turned", line); n = split(line, f, " ")
      gains = line ~ / gains /; drifts = line ~ / drifts /
      if (gains != (f[n - 5] > 0 && f[n - 2] < .05)) bad = 1
      if (gate == "gain" && drifts) bad = 1
      if (line ~ / shut / && f[2] != "untouched") bad = 1
      rows++ }
    END { exit bad || rows != 4 }' edit.$gate || fail "the gate $gate opened otherwise than it says"
done

# A title of several items: the answer says which one was taken.
awk -F, 'NR == 1 { print "item,title" } NR > 1 { print $1 ",the same" }' "$shop/log/items.csv" >items.csv
ok "$raie" data prepare --input "$shop/log/events.csv" --titles items.csv --output titled --context 8
says 'titles of items.csv: [1-9][0-9]* of [1-9][0-9]* items$'
awk -F, 'NR == 1 { print "item,title" } NR > 1 { print "x" $1 ",other" }' "$shop/log/items.csv" >others.csv
ok "$raie" data prepare --input "$shop/log/events.csv" --titles others.csv --output untitled --context 8
says 'titles of others.csv: none of [1-9][0-9]* items; are its item ids those of the log.$'
ok "$raie" fit --data titled --model titles "${quick[@]}"
ok "$raie" recommend --model titles --history 'the same' --json
says '"shared_titles": \[$'
says '"taken": "'
grep -q '"the same" is the title of item .* which was taken' .err || fail 'no note of the title'

# Protocol paper knows no early stopping, whatever the number of epochs.
ok "$raie" data prepare --input "$shop/log/events.csv" --protocol paper --output paper --context 8
ok "$raie" fit --data paper --model early "${quick[@]}"
grep -q '"patience_epochs": 0' early/model.json || fail 'patience_epochs is not 0'
grep -q '"patience_steps": 0' early/model.json || fail 'patience_steps is not 0'

# The demo tells them, too, of the methods that have a gate.
ok "$raie" demo --set simulate.users=60 --set simulate.events=3000 --set simulate.items=60 \
  --set prepare.context=5 --set regions.k=2 --set fit.max_epochs=1 --set edit.gate=gain
says '^Regions of RAIE --editor paper$'
says '^Regions of RAIE$'
[ "$(grep -Ec '^[0-9]+ +(trained|untouched|turned down by validation) +(gains|shut) +-?[0-9]' .out)" -ge 4 ] ||
  fail 'the demo does not tell what the gate opened'

# The demo keeps its own values below those of a file.
small=(--set simulate.users=60 --set simulate.events=3000 --set simulate.items=60)
printf 'seed = 0\n[fit]\nmax_epochs = 1\n' >seed.toml
ok "$raie" demo --config seed.toml "${small[@]}" --set prepare.context=5 --set regions.k=2 --json
says '"best_epoch": 1'
printf 'seed = 0\n' >seed.toml
ok "$raie" demo --config seed.toml "${small[@]}" --set prepare.context=5 --set regions.k=2 --json
says '"best_epoch": ([2-9]|1[0-9]|20),'  # of its own 20 epochs
