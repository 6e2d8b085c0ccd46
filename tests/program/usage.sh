#!/bin/bash
# Help, version, misspelt commands and flags.
. "$(dirname "$0")/lib.sh"

ok "$raie" --version
says '^raie [0-9]'
commands=(fit edit evaluate recommend drift show rollback demo compare list data)
ok "$raie" --help
for command in "${commands[@]}"; do says "^  $command"; done
for command in "${commands[@]}"; do
  ok "$raie" "$command" --help
done
for command in prepare append stats audit simulate; do
  ok "$raie" data "$command" --help
  says '--config'
  says '--set'
  says '--json'
done
ok "$raie" fit --help
says 'fit.adam.learning_rate = 5e-04'
says 'regions.k = '
ok "$raie" data prepare --help
says 'prepare.min_rating = 4'

refused $kUsage 'subcommand' "$raie"
refused $kUsage "unknown command 'nonsense'" "$raie" nonsense
refused $kUsage "unknown command 'ft'.*'raie fit'" "$raie" ft --data x
refused $kUsage "unknown command 'data prepar'.*'raie data prepare'" "$raie" data prepar
refused $kUsage '--data is required' "$raie" fit
refused $kUsage 'required|expected' "$raie" data prepare --input
refused $kUsage 'raie show: unknown flag --wrong' "$raie" show --model x --wrong
refused $kUsage 'raie fit: unknown flag --modle; did you mean --model' "$raie" fit --data x --modle y
refused $kUsage 'raie data prepare: .*with commas' "$raie" data prepare --input x --output y --columns user=a item=b
refused $kData 'nowhere does not exist; make one with raie data prepare' "$raie" data stats --data nowhere
refused $kUsage "no '='" "$raie" show --model x --set fit

# The demo shows the values it runs with, and a file or --set wins over them.
ok "$raie" demo --help
for value in 'backbone.sasrec.dim = 64' 'fit.max_epochs = 20' 'regions.k = 8' \
  'edit.item_rows = "frozen"'; do
  says "$value"
done
nothing_but
