#!/bin/bash
# versions.sh PROGRAM SHOP: what a model keeps from one version to the next, and slices that hold
# little.
. "$(dirname "$0")/lib.sh"
shop=$1
data=$shop/data
quick=(--set edit.budget=own --set edit.epochs=1)

# What fit was told holds for the edits after it, unless said anew.
ok "$raie" fit --data "$data" --model model --config "$shop/small.toml" --set fit.max_epochs=1 \
  --editor paper --seed 7 --set edit.rho=0.5
# Whoever cannot write the version is told before anything is trained, which would take hours here.
refused $kData 'is being written by another process' timeout 60 flock model/.lock "$raie" edit --model model --data "$data" \
  --set edit.budget=own --set edit.epochs=10000
ok "$raie" edit --model model --data "$data" "${quick[@]}"
saved=model/versions/0001/version.json
grep -q '"seed": 7' $saved || fail 'edit forgot the seed of fit'
grep -q '"editor": "paper"' $saved || fail 'edit forgot the editor of fit'
grep -q '"rho": 0.5' $saved || fail 'edit forgot a setting of fit'
grep -q '"gate": "off"' $saved || fail "edit forgot the editor's preset"
ok "$raie" edit --model model --data "$data" "${quick[@]}" --editor raie
grep -q '"gate": "drift-or-gain"' model/versions/0002/version.json || fail 'another editor, the old gate'

# Numbers on slices a version has learnt from are not a test.
ok "$raie" evaluate --model model --data "$data" --version 1 --json
[ "$(json in_sample)" = false ] || fail 'slice 2 is a test of version 1'
ok "$raie" evaluate --model model --data "$data" --json
[ "$(json in_sample)" = true ] || fail 'slice 2 is no test of version 2'
ok "$raie" evaluate --model model --data "$data"
says 'in-sample'

# An id that ends in @NUMBER is an id where the model knows it.
sed 's/,i3-000,/,i3@7,/' "$shop/log/events.csv" >at.csv
ok "$raie" data prepare --input at.csv --output at --context 8
ok "$raie" fit --data at --model at-model --config "$shop/small.toml" --set fit.max_epochs=1
ok "$raie" recommend --model at-model --history i3@7 --json
says '"unknown": \[\]'
ok "$raie" recommend --model at-model --history i3@7@100 --json
says '"unknown": \[\]'

# What somebody else keeps in the folder of a data set is not lost.
cp at.csv at
refused $kUsage 'also holds at.csv' "$raie" data append --data at --input at.csv
refused $kUsage 'also holds at.csv' "$raie" data prepare --input at.csv --output at --context 8
[ -f at/at.csv ] || fail 'a file of somebody else is gone'

# Not all that a shell can pass is text.
refused $kUsage 'argument 4 is not valid UTF-8' "$raie" data prepare --input $'\xff.csv' --output at

# A slice without a window does not bar the way to the next one.
cp -r "$data" data
last=$(tail -1 "$shop/log/events.csv")
user=${last%%,*}
latest=$(cut -d, -f3 "$shop/log/events.csv" | sort -n | tail -1)
item=$(sed -n 2p "$shop/log/events.csv" | cut -d, -f2)
printf 'user,item,time\n%s,%s,%d\n' "$user" "$item" $((latest + 10)) >one.csv
ok "$raie" data append --data data --input one.csv
refused $kUsage 'data holds 1 appended slices, which would be lost' "$raie" data prepare --input one.csv --output data
{
  echo user,item,time
  awk -F, -v by=$((latest - 1577836800 + 100)) \
    'NR > 1 { print $1 "," $2 "," $3 + by }' "$shop/log/events.csv"
} >more.csv
ok "$raie" data append --data data --input more.csv --set read.allow_any_time=true
refused $kData 'no training windows' "$raie" drift --model model --data data
ok "$raie" edit --model model --data data "${quick[@]}"
says 'note: slice 3 has no window'
ok "$raie" edit --model model --data data "${quick[@]}" --json
[ "$(json slice)" = 4 ] || fail 'slice 4 was not learnt'
