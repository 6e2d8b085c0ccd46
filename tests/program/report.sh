#!/bin/bash
# report.sh PROGRAM SHOP: a run becomes one page, files of figures and a text; what is missing is said.
. "$(dirname "$0")/lib.sh"
shop=$1
ok "$raie" compare --data "$shop/data" --config "$shop/small.toml" --set fit.max_epochs=2 \
  --set edit.epochs=1 --set edit.checkpoints=3 --methods frozen,lora,raie,raie_wo_ke --seeds 1 --tune 1 \
  --output run
cp -r run untouched

# The page: one file, with the data's numbers, without a trace of this machine; the same bytes again,
# on any number of threads; the run is only read.
ok "$raie" report --run run --data "$shop/data" --output report.html
says '^wrote report.html \([0-9]+ KiB\)$'
[ "$(stat -c %s report.html)" -lt 2000000 ] || fail 'the page is larger than 2 MB'
grep -q '<script type="application/json" id="report">{"format":"raie-report"' report.html || fail 'no data'
! grep -Eq '(src|href)="(https?:)?//' report.html || fail 'the page asks a network'
! grep -q "$work" report.html || fail 'a path of the machine is in the page'
ok "$raie" report --run run --data "$shop/data" --output again.html --threads 1
cmp report.html again.html || fail 'another page of the same run'
diff -r run untouched || fail 'the run was changed'

# Its parts, as JSON.
ok "$raie" report --run run --data "$shop/data" --json
for id in comparison table-T ablation cost region-map regions events slices settings; do
  says "\"id\": \"$id\""
done
says 'needs an adjusted p below .05'
[ "$(json format)" = raie-report ] || fail 'not a report'

# Figures: numbers always; drawn where there is a browser, with a notice where not.
mkdir bin
ok env PATH="$work/bin" "$raie" report --run run --output plain.html --figures figures
grep -q 'no chromium on the PATH' .err || fail 'no notice'
[ "$(head -1 figures/comparison.csv)" = \
  method,part,difference,difference_low,difference_high,ndcg10,ndcg10_low,ndcg10_high,p_adjusted,verdict ] ||
  fail 'other columns'
[ "$(wc -l <figures/comparison.csv)" -eq 9 ] || fail 'not four methods on two parts'
[ ! -e figures/comparison.svg ] || fail 'drawn without a browser'
printf '#!/bin/sh\nexit 1\n' >bin/chromium
chmod +x bin/chromium
refused $kData 'chromium did not draw the page' \
  env PATH="$work/bin:$PATH" "$raie" report --run run --output plain.html --figures figures

# The text: at most 60 lines.
ok "$raie" report --run run --data "$shop/data" --text
says '^Comparison run '
says '^lora +0\.[0-9]+ +- +- +reference'
says '^events .*[▁▂▃▄▅▆▇█]'
[ "$(wc -l <.out)" -le 60 ] || fail 'more than 60 lines'

# Without data, results or models: what is there is shown, what is not is said.
rm -rf run/fits run/results.json
ok "$raie" report --run run --data "$shop/data" --json
says 'whose model places them, is gone'
says 'There are no results yet'
ok "$raie" report --run run --json
says 'give --data DIR'
! grep -q '"id": "events"' .out || fail 'events without data'

refused $kData 'no run.json.*raie compare' "$raie" report --run "$shop/data" --text
refused $kData 'does not exist' "$raie" report --run nowhere --text
refused $kUsage 'give --output report.html, --text or --json' "$raie" report --run run
refused $kUsage 'give --output report.html, too' "$raie" report --run run --figures figures
ok "$raie" data prepare --input "$shop/log/events.csv" --output other --context 8 \
  --set prepare.quantiles=0.4,0.8
refused $kUsage 'digest' "$raie" report --run run --data other --text
printf 'x' >run/results.json
refused $kData 'results.json' "$raie" report --run run --text
