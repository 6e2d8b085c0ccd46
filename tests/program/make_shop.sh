#!/bin/bash
# make_shop.sh PROGRAM FOLDER: a small simulated shop, prepared, and a model fitted on it, for the
# other tests.
. "$(dirname "$0")/lib.sh"
shop=$1

cat >small.toml <<'TOML'
[backbone.sasrec]
dim = 32
[fit]
batch_size = 64
max_epochs = 30
[fit.adam]
learning_rate = 2e-3
[regions]
k = 4
TOML
rm -rf "$shop"
ok "$raie" data simulate --output log --seed 1 --set simulate.users=400 --set simulate.events=20000 \
  --set simulate.items=200 --set simulate.interests=4
ok "$raie" data prepare --input log/events.csv --output data --context 8
ok "$raie" fit --data data --model model --config small.toml
mkdir -p "$shop"
mv log data model small.toml "$shop"
