#!/bin/bash
# import.sh PROGRAM SHOP: a checkpoint under other names becomes a model that can be edited, the same
# as the model it was taken from; and nothing is written where something is wrong.
. "$(dirname "$0")/lib.sh"
shop=$1

# The checkpoint: two files of the fitted model, and its item ids in the order of the rows.
mkdir export
cp "$shop/model/base/backbone.safetensors" "$shop/model/versions/0000/items.safetensors" export
tail -c +$((22 + 8 * $(od -An -t u8 -j 13 -N 8 "$shop/model/versions/0000/items.ids"))) \
  "$shop/model/versions/0000/items.ids" | sed 's/i/\ni/g' | tail -n +2 >export/items.txt
printf '\n' >>export/items.txt
cat >map.toml <<'TOML'
about = "a model of the shop"
[files]
weights = ["backbone.safetensors", "items.safetensors"]
[backbone]
name = "sasrec"
[tensors]
"items" = "items"
"position.weight" = "position.weight"
"final_norm.weight" = "final_norm.weight"
"final_norm.bias" = "final_norm.bias"
TOML
for part in attention.q attention.k attention.v attention.out ffn_in ffn_out norm1 norm2; do
  for what in weight bias; do
    printf '"blocks.{b}.%s.%s" = "blocks.{b}.%s.%s"\n' $part $what $part $what
  done
done >>map.toml

import=("$raie" import --from export --map map.toml --data "$shop/data")
other=("$raie" import --from export --map other.toml --data "$shop/data")
heads=(--set backbone.sasrec.heads=2 --set regions.k=4)
ok "${import[@]}" --model model "${heads[@]}"
says 'imported a model of the shop: sasrec, width 32, 2 blocks, 2 heads, reads 8 items'
says 'only in the data, rows drawn: 0$'
says 'wrote version 0 of model'
cmp "$shop/model/base/backbone.safetensors" model/base/backbone.safetensors || fail 'other weights'
for file in items.safetensors routing.safetensors regions.json regions.safetensors items.ids; do
  cmp "$shop/model/versions/0000/$file" "model/versions/0000/$file" || fail "another $file"
done

# It answers and is edited as the model it was taken from.
cp -r "$shop/model" fitted
for name in fitted model; do
  ok "$raie" recommend --model $name --history $(head -3 export/items.txt) --json
  mv .out $name-answer
  ok "$raie" edit --model $name --data "$shop/data" --editor paper --set edit.budget=own \
    --set edit.epochs=1
done
cmp fitted-answer model-answer || fail 'another answer'
[ -d model/versions/0001/adapters ] || fail 'no adapter was trained'
for file in items.safetensors regions.json journal.tsv adapters.json; do
  cmp "fitted/versions/0001/$file" "model/versions/0001/$file" || fail "another $file after the edit"
done
diff -r fitted/versions/0001/adapters model/versions/0001/adapters || fail 'other adapters'
ok "$raie" show --model model
says 'sasrec, width 32, context 8'
ok "$raie" evaluate --model model --data "$shop/data"
rm -r fitted fitted-answer model-answer model

# Items that only one side knows.
first=$(head -1 export/items.txt)
cp export/items.txt all.txt
sed -i '1s/.*/elsewhere/' export/items.txt
ok "${import[@]}" --model model "${heads[@]}"
says "only in the data, rows drawn: 1 \($first\)"
says 'not in the data, rows left behind: 1 \(elsewhere\)'
ok "$raie" recommend --model model --history "$first"
rm -r model
sed 's/^/x/' all.txt >export/items.txt
refused $kUsage 'none of the [0-9]+ listed items .first: "x'"$first"'"' \
  "${import[@]}" --model model "${heads[@]}"

# An item that the data has in a later slice only keeps its row for the edit that meets it.
cp all.txt export/items.txt
{ head -1 "$shop/log/events.csv"; tail -n +2 "$shop/log/events.csv" | sort -t, -k3,3n |
  awk -F, -v item="$first" -v count="$(($(wc -l <"$shop/log/events.csv") - 1))" \
    '$2 != item || NR > .55 * count'; } >events.csv
ok "$raie" data prepare --input events.csv --output later --context 8
ok "$raie" import --from export --map map.toml --data later --model model "${heads[@]}"
says 'in later slices only, rows kept: 1$'
header=$(od -An -t u8 -N 8 export/items.safetensors)
head -c $((8 + header + 128)) export/items.safetensors | tail -c 128 >row
tail -c 128 model/versions/0000/items.safetensors | cmp - row || fail 'another row'
ok "$raie" edit --model model --data later --set edit.item_rows=frozen --set edit.budget=own \
  --set edit.epochs=1
tail -c 128 model/versions/0001/items.safetensors | cmp - row || fail 'another row after the edit'
ok "$raie" recommend --model model --history "$first"
rm -r events.csv later model row

# What is wrong, and nothing written.
sed '3s/.*/'"$first"'/' all.txt >export/items.txt
refused $kData 'items.txt:3: item "'"$first"'" is there already, in line 1' \
  "${import[@]}" --model model "${heads[@]}"
head -5 all.txt >export/items.txt
refused $kData 'names 5 items where .* item rows' "${import[@]}" --model model "${heads[@]}"
cp all.txt export/items.txt
refused $kUsage 'heads=N' "${import[@]}" --model model
refused $kUsage 'dim = 16 is given, the tensors have 32' \
  "${import[@]}" --model model "${heads[@]}" --set backbone.sasrec.dim=16
refused $kUsage 'tisasrec' "${import[@]}" --model model "${heads[@]}" --set backbone.name=tisasrec
refused $kUsage 'heads = 5 does not divide dim = 32' \
  "${import[@]}" --model model --set backbone.sasrec.heads=5
sed 's/^name = .*/&\n[backbone.sasrec]\nnorms = "pre"/' map.toml >other.toml
refused $kUsage "other.toml:7: .*did you mean 'backbone.sasrec.norm'" \
  "${other[@]}" --model model "${heads[@]}"
sed 's/"norm2.weight"/"norm3.weight"/; s/= "blocks.{b}.norm2.weight"/= "blocks.{b}.norm3.weight"/' \
  map.toml >other.toml
refused $kData "no tensor 'blocks.0.norm3.weight', which other.toml:" \
  "${other[@]}" --model model "${heads[@]}"
sed 's/^"blocks.{b}.norm2.weight" = .*/"blocks.{b}.norm2.weight" = { fill = 1 }/' map.toml >other.toml
refused $kData '2 tensors that other.toml does not use: blocks.0.norm2.weight \[32\]' \
  "${other[@]}" --model model "${heads[@]}"
sed 's/^"blocks.{b}.ffn_out.weight" = .*/"blocks.{b}.ffn_out.weight" = { from = "blocks.{b}.ffn_out.weight", transpose = true }/' \
  map.toml >other.toml
refused $kData 'ffn_out.weight is \[32, 128\].*is \[32, 128\]; see other.toml' \
  "${other[@]}" --model model "${heads[@]}"
grep -v norm1.bias map.toml >other.toml
refused $kUsage "no rule for 'blocks.{b}.norm1.bias'" \
  "${other[@]}" --model model "${heads[@]}"
ok "$raie" data prepare --input "$shop/log/events.csv" --output wide --context 9
refused $kUsage 'contexts of 9 items, the model reads 8.*--context 8' "$raie" import --from export \
  --map map.toml --data wide --model model "${heads[@]}"
refused $kData 'nowhere' "$raie" import --from nowhere --map map.toml --data "$shop/data" \
  --model model "${heads[@]}"
truncate -s -4 export/items.safetensors
refused $kData 'items.safetensors' "${import[@]}" --model model "${heads[@]}"
nothing_but all.txt export map.toml other.toml wide
