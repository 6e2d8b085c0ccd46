#!/bin/bash
# language_model.sh PROGRAM SHOP: all phases with a language model, from a tiny random checkpoint and
# a tokenizer of single letters.
. "$(dirname "$0")/lib.sh"
shop=$1
data=$shop/data

mkdir checkpoint
cp "$here"/../golden/causal_lm/llama/{config.json,model*} checkpoint
vocabulary='"?": 0'
id=0
for piece in {a..z} {0..9}; do vocabulary+=", \"$piece\": $((++id))"; done
cat >checkpoint/tokenizer.json <<JSON
{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
 "pre_tokenizer": null, "post_processor": null, "decoder": null,
 "model": {"type": "BPE", "unk_token": "?", "merges": [], "vocab": {$vocabulary}}}
JSON
cat >tiny.toml <<'TOML'
[backbone]
name = "causal_lm"
[backbone.causal_lm]
checkpoint = "checkpoint"
prompt = "user {user_id}: {history}. next"
max_tokens = 40
[fit]
max_epochs = 5
[fit.adam]
learning_rate = 5e-3
[regions]
k = 3
[edit]
learning_rate = 5e-3
gate = "off"
TOML
tiny=(--config tiny.toml)

# widened: the last command said once that bf16 weights are widened here, if they are.
widened() {
  grep -q avx512_bf16 /proc/cpuinfo || [ "$(grep -c 'no AVX512_BF16' .err)" -eq 1 ] ||
    fail 'it is not said once that bf16 is widened'
}

refused $kUsage 'checkpoint is empty' \
  "$raie" fit --data "$data" --model no --set backbone.name=causal_lm
refused $kData 'no folder' "$raie" fit --data "$data" --model no --set backbone.name=causal_lm \
  --set backbone.causal_lm.checkpoint=nowhere
refused $kUsage '\{item\} is not known' \
  "$raie" fit --data "$data" --model no "${tiny[@]}" --set 'backbone.causal_lm.prompt="{item}"'
refused $kUsage 'no \{history\}' \
  "$raie" fit --data "$data" --model no "${tiny[@]}" --set 'backbone.causal_lm.prompt="hello"'
refused $kUsage 'leaves no room' \
  "$raie" fit --data "$data" --model no "${tiny[@]}" --set backbone.causal_lm.max_tokens=15
[ ! -e no ] || fail 'something was written'

ok "$raie" fit --data "$data" --model model "${tiny[@]}" --threads 2 --json
widened
ok "$raie" fit --data "$data" --model again "${tiny[@]}" --threads 1
diff -r model again || fail 'another model with one thread'
rm -r again

# States less what they have in common: the same bytes for any threads, every phase, no export.
centred=(--config tiny.toml --set backbone.causal_lm.states=centred --set fit.max_epochs=2)
ok "$raie" fit --data "$data" --model centred "${centred[@]}" --threads 2
[ -s centred/base/centring.safetensors ] || fail 'the centre is not kept'
ok "$raie" fit --data "$data" --model again "${centred[@]}" --threads 1
diff -r centred again || fail 'another centred model with one thread'
ok "$raie" edit --model centred --data "$data" --set edit.epochs=1 --set edit.budget=own
ok "$raie" evaluate --model centred --data "$data" --skip-in-sample --json
ok "$raie" recommend --model centred --history "$(sed -n 2p "$shop/log/events.csv" | cut -d, -f2)"
refused $kUsage 'states = plain' "$raie" export --model centred --output no
rm -r again

# Interrupted in the middle, resumed to the same bytes.
"$raie" fit --data "$data" --model again "${tiny[@]}" >.out 2>.err &
process=$!
for ((wait = 0; wait < 300; ++wait)); do
  [ ! -e again.checkpoint ] || break
  sleep 0.1
done
kill -INT $process 2>/dev/null || fail 'the fit was over before it could be interrupted'
code=0
wait $process || code=$?
[ "$code" -eq $kInterrupted ] || fail "exit code $code of an interrupted fit"
ok "$raie" fit --data "$data" --model again "${tiny[@]}" --resume
diff -r model again || fail 'another model after an interruption'
rm -r again

# Adapters in the last layer only: what the frozen layers give is kept, or computed each time, with
# the same bytes. Titles in the place of item tokens, most of them too long for the prompt.
titled=("${tiny[@]}" --set fit.max_epochs=2 --set backbone.causal_lm.history=titles
  --adapter-layers last:1)
ok "$raie" fit --data "$data" --model titled "${titled[@]}" --set border.use=on
grep -q 'states of the frozen layers: about .* GB for' .err || fail 'the room was not said'
ok "$raie" fit --data "$data" --model plain "${titled[@]}" --set border.use=off
diff -r titled plain || fail 'another fit where states are kept'
cp -r model kept
cp -r model whole
last=("${tiny[@]}" --adapter-layers last:1 --set edit.item_rows=frozen --json)
ok "$raie" edit --model kept --data "$data" "${last[@]}" --set border.use=on --threads 2
ok "$raie" edit --model whole --data "$data" "${last[@]}" --set border.use=off --threads 1
diff -r kept whole || fail 'another edit where states are kept'
rm -r plain kept whole
refused $kUsage 'item rows that prompts read are trained' \
  "$raie" edit --model model --data "$data" "${tiny[@]}" --adapter-layers last:1 \
  --set border.use=on
refused $kUsage 'adapters are in all layers' \
  "$raie" edit --model model --data "$data" "${tiny[@]}" --set border.use=on
refused $kUsage 'adapters are in all layers' "$raie" compare --data "$data" --output no-run \
  "${tiny[@]}" --backbones causal_lm --set border.use=on --set edit.item_rows=frozen
[ ! -e no-run/fits ] || fail 'a model was fitted before the refusal'
refused $kData 'border.folder' \
  "$raie" edit --model model --data "$data" "${last[@]}" --set border.folder=nowhere
for layers in last:0 last: last:-1 last:x 8 last:8x last:9999 none ''; do
  refused $kUsage 'adapter-layers.*last:N' \
    "$raie" edit --model model --data "$data" --adapter-layers "$layers"
done
refused $kUsage 'last_layers = 9' \
  "$raie" edit --model model --data "$data" "${tiny[@]}" --adapter-layers last:9

# The model holds all it needs, and its base is a checkpoint again.
mv checkpoint elsewhere
for file in config.json model.safetensors tokenizer.json; do
  [ -s model/base/$file ] || fail "no base/$file"
done
ok "$raie" probe --backbone model/base --text 'abc' --json
says '"nll"'
ok "$raie" evaluate --model model --data "$data" --json
widened
before=$(json T/recall@10)
cp .out version0.json
greater "$(json S_held_out/recall@10)" 0.1
ok "$raie" drift --model model --data "$data" --json
says '"p_value"'
widened

ok "$raie" edit --model model --data "$data" "${tiny[@]}" --json
[ "$(json version)" = 1 ] || fail 'no version 1'
widened
ls model/versions/0001/adapters/*/adapter_config.json >/dev/null || fail 'no adapter was trained'
grep -q '"q_proj"' model/versions/0001/adapters/*/adapter_config.json ||
  fail 'modules are not named as in the checkpoint'
ok "$raie" evaluate --model model --data "$data" --json
after=$(json T/recall@10)
cp .out version1.json
greater "$after" "$before"
greater "$after" "$(awk -v p="$(popularity "$shop/log/events.csv")" 'BEGIN { print 1.5 * p }')"
ok "$raie" evaluate --model model --data "$data" --json --threads 1
diff version1.json .out || fail 'another number of threads, another answer'

user=$(sed -n 2p "$shop/log/events.csv" | cut -d, -f1)
ok "$raie" recommend --model model --data "$data" --user "$user" --count 5
[ "$(grep -c '^ *[0-9]' .out)" -eq 5 ] || fail 'not 5 recommendations'
widened
items=($(sed -n '2,5p' "$shop/log/events.csv" | cut -d, -f2))
ok "$raie" recommend --model model --history "${items[@]}" --json
says '"score"'
says '"user": "unknown"'
grep -q 'names the user; it reads "unknown"' .err || fail 'nothing said of a user who is not known'
cp .out unknown.json
ok "$raie" recommend --model model --history "${items[@]}" --user "$user" --json
[ "$(json user)" = "$user" ] || fail 'the user was not read'
! grep -q 'names the user' .err || fail 'a user who is known was called unknown'
differs "$(grep score .out)" "$(grep score unknown.json)"
cp .out known.json
printf '%s\t' "$user" "${items[@]}" >lines.txt
printf '\n\t%s\n' "$(printf '%s\t' "${items[@]}")" >>lines.txt
ok "$raie" recommend --model model --input lines.txt --users-first --json
compact() { tr -d ' \n' <"$1"; }
[ "$(sed -n 1p .out | tr -d ' ')" = "$(compact known.json)" ] || fail 'a line with its user, another answer'
[ "$(sed -n 2p .out | tr -d ' ')" = "$(compact unknown.json)" ] || fail 'a line without a user, another answer'
[ "$(grep -c 'names the user' .err)" -eq 1 ] || fail 'not said once that a user is not known'
refused $kUsage '--users-first' "$raie" recommend --model model --history "${items[@]}" --users-first
refused $kUsage 'give one of' "$raie" recommend --model model --input lines.txt --user "$user"
# The history that the data has of the user, with the user's id and without.
ok "$raie" recommend --model model --data "$data" --user "$user" --json
[ "$(json user)" = "$user" ] || fail 'the user was not read'
ok "$raie" show --model model
says 'causal_lm, width 24, context 8'
widened
ok "$raie" show --model model --history
says '^1 +0 +1 .*answers'

# For other programs: an item is one token there, whose logit is its score.
ok "$raie" export --model model --output exported --json
first=$(json first_token)
for file in config.json model.safetensors tokenizer.json raie.json adapters.json; do
  [ -s exported/$file ] || fail "no exported/$file"
done
ls exported/adapters/*/adapter_model.safetensors >/dev/null || fail 'no adapter was exported'
ok "$raie" probe --backbone exported --text "<item_${items[0]}>" --json
id=$(awk '/"ids"/ { getline; print $1 + 0; exit }' .out)
[ "$id" -ge "$first" ] || fail "item ${items[0]} is token $id, not $first or above"
[ "$(grep -c '<item_' .out)" -ge 1 ] || fail 'the token has no name'
ok "$raie" probe --backbone exported --text abc --adapter exported/adapters/"$(ls exported/adapters | head -1)"
refused $kUsage 'never overwrites' "$raie" export --model model --output exported
ok "$raie" export --model model --version 0 --output halved --precision bf16
says 'wrote version 0'
[ "$(stat -c %s halved/model.safetensors)" -lt "$(stat -c %s exported/model.safetensors)" ] ||
  fail 'bf16 is not smaller'
refused $kUsage 'is a sasrec model' "$raie" export --model "$shop/model" --output no
refused $kData 'has no version 7' "$raie" export --model model --version 7 --output no
[ ! -e no ] || fail 'something was written'

# The end of a history counts, however long it is; none is an error.
for ((i = 0; i < 1250; ++i)); do printf '%s\t' "${items[@]}"; done >long.txt
printf '%s\t' "${items[@]}" "${items[@]}" >short.txt
ok "$raie" recommend --model model --input long.txt --include-seen --json
cp .out long.json
ok "$raie" recommend --model model --input short.txt --include-seen --json
diff .out long.json || fail 'items before the context count'
echo >short.txt
refused $kData 'line 1: the history holds no item' "$raie" recommend --model model --input short.txt
refused $kUsage "the user's id included, has 3[0-9][0-9] tokens" \
  "$raie" recommend --model model --history "${items[@]}" --user "$(printf 'x%.0s' {1..300})"

ok "$raie" recommend --model titled --history "${items[@]}" --json
says '"score"'

# Odd titles, most of them too long for the prompt: read as they are, a line a row in tables.
printf 'item,title\n%s,"a ""quoted"" title"\n%s,"two\nlines"\n%s,a NUL \0 and a colour \033[31m\n' \
  $(awk -F, 'NR > 1 && !seen[$2]++ && ++n <= 3 { print $2 }' "$shop/log/events.csv") >odd.csv
ok "$raie" data prepare --input "$shop/log/events.csv" --titles odd.csv --output odd --context 8
ok "$raie" fit --data odd --model odd_titles "${tiny[@]}" --set fit.max_epochs=1 \
  --set backbone.causal_lm.checkpoint=elsewhere --set backbone.causal_lm.history=titles
ok "$raie" recommend --model odd_titles --history "${items[@]}" --include-seen --count 200 --json
says '"title": "two\\nlines"'
says '"title": "a NUL \\u0000 and a colour \\u001b\[31m"'
ok "$raie" recommend --model odd_titles --history 'a "quoted" title' --include-seen --count 200
[ "$(grep -c '^ *[0-9]' .out)" -eq "$(($(wc -l <.out) - 3))" ] || fail 'a row of more than one line'
says ' two lines$'

ok "$raie" rollback --model model
ok "$raie" evaluate --model model --data "$data" --json
diff version0.json .out || fail 'after the rollback the answers differ'

chmod u+w model/base/model.safetensors
printf 'x' | dd of=model/base/model.safetensors bs=1 seek=2000 conv=notrunc 2>/dev/null
refused $kData 'model.safetensors' "$raie" evaluate --model model --data "$data"
