#!/bin/bash
# bad_model.sh PROGRAM CASE SHOP: models that are damaged, data that is not theirs, disks that are
# full, runs that are stopped.
. "$(dirname "$0")/lib.sh"
case_name=$1 shop=$2
small=$shop/small.toml

# files FOLDER: every file of a model but the lock.
files() { find "$1" -type f ! -name .lock | sort; }

# fit_and_interrupt OPTION...: fits `parts`, with a Ctrl-C at the first checkpoint; exit code to $code.
fit_and_interrupt() {
  "$raie" fit --data "$shop/data" --model parts "$@" >.out 2>.err &
  local child=$!
  for _ in $(seq 200); do
    [ ! -e parts.checkpoint ] || break
    sleep 0.05
  done
  kill -INT $child
  code=0
  wait $child || code=$?
}

case $case_name in
  changed_bytes)
    files "$shop/model" >list
    [ "$(wc -l <list)" -gt 8 ] || fail 'the model has too few files'
    while read -r file; do
      rm -rf model
      cp -r "$shop/model" model
      name=${file#"$shop/model/"}
      size=$(stat -c %s "model/$name")
      [ "$size" -gt 0 ] || continue
      at=$((size / 2))
      byte=$(od -An -tu1 -j$at -N1 "model/$name" | tr -d ' ')
      printf "\\x$(printf %02x $((byte ^ 1)))" |
        dd of="model/$name" bs=1 seek=$at conv=notrunc status=none
      refused $kData "$name" "$raie" show --model model
      # The file is at fault, whatever else is read along with it.
      if [ "$name" = versions/0000/items.ids ]; then
        for command in evaluate edit drift; do
          refused $kData "$name.*digests differ" "$raie" $command --model model --data "$shop/data"
        done
      fi
    done <list
    ;;
  cut_short)
    files "$shop/model" >list
    while read -r file; do
      rm -rf model
      cp -r "$shop/model" model
      name=${file#"$shop/model/"}
      truncate -s -1 "model/$name"
      refused $kData "$name" "$raie" show --model model
      rm "model/$name"
      refused $kData "$name" "$raie" show --model model
    done <list
    mkdir empty
    refused $kData 'empty.*not a model' "$raie" show --model empty
    refused $kData 'nowhere.*does not exist' "$raie" show --model nowhere
    ;;
  other_data)
    sed '2d' "$shop/log/events.csv" >events.csv
    ok "$raie" data prepare --input events.csv --output data --context 8
    cp -r "$shop/model" model
    for command in edit evaluate drift; do
      refused $kData 'not the model' "$raie" $command --model model --data data
    done
    refused $kData 'not the model' "$raie" recommend --model model --data data --user u1
    diff -r "$shop/model" model || fail 'the model changed'
    ;;
  too_many_regions)
    refused $kUsage 'regions.k = 100000.*different windows' \
      "$raie" fit --data "$shop/data" --model model --set regions.k=100000
    nothing_but
    cp -r "$shop/model" model
    refused $kUsage 'model exists' "$raie" fit --data "$shop/data" --model model
    ;;
  disk_full)
    [ "$(id -u)" -eq 0 ] || skip 'mounting a small tmpfs needs root'
    mkdir disk
    mount -t tmpfs -o size=256k tmpfs disk 2>/dev/null || skip 'mounting a tmpfs is not allowed here'
    trap 'umount "$work/disk"; rm -rf "$work"' EXIT
    refused $kData 'No space left' "$raie" data simulate --output disk/log
    refused $kData 'No space left' \
      "$raie" data prepare --input "$shop/log/events.csv" --output disk/data --context 8
    refused $kData 'No space left' "$raie" fit --data "$shop/data" --model disk/model \
      --config "$small" --set backbone.sasrec.dim=64 --set fit.max_epochs=1
    [ -z "$(ls -A disk)" ] || fail "left behind: $(ls -A disk)"
    refused $kData 'standard output' bash -c "\"$raie\" show --model \"$shop/model\" >/dev/full"
    ;;
  interrupted)
    # A run that is stopped and goes on ends with the same bytes as one that was not.
    long=(--config "$small" --set fit.max_epochs=12 --set fit.patience_epochs=100)
    ok "$raie" fit --data "$shop/data" --model whole "${long[@]}"
    fit_and_interrupt "${long[@]}"
    if [ "$code" -eq $kInterrupted ]; then
      [ ! -e parts ] || fail 'half a model'
      ok "$raie" fit --data "$shop/data" --model parts "${long[@]}" --resume
    else
      [ "$code" -eq 0 ] || fail "exit code $code after an interrupt"
    fi
    [ ! -e parts.checkpoint ] || fail 'the checkpoint remains'
    refused $kData 'no checkpoint' "$raie" fit --data "$shop/data" --model new --resume
    diff -r whole parts || fail 'the resumed run differs'
    ;;
  bad_edits)
    cp -r "$shop/model" model
    refused $kUsage 'slice 2.*next one is 1' \
      "$raie" edit --model model --data "$shop/data" --slice 2
    refused $kUsage 'slice 0' "$raie" edit --model model --data "$shop/data" --slice 0
    refused $kUsage 'learning_rate' \
      "$raie" edit --model model --data "$shop/data" --set edit.learning_rate=-1
    refused $kUsage 'first' "$raie" rollback --model model
    refused $kData 'no version 7' "$raie" rollback --model model --version 7
    refused $kData 'no version 7' "$raie" rollback 7 --model model
    for large in 4294967296 2147483648; do
      refused $kUsage "version = $large.*2147483647" "$raie" rollback --model model --version $large
      refused $kUsage "version = $large.*2147483647" \
        "$raie" recommend --model model --history x --version $large
      refused $kUsage "version = $large.*2147483647" \
        "$raie" evaluate --model model --data "$shop/data" --version $large
      for command in evaluate edit drift; do
        refused $kUsage "slice = $large.*2147483647" \
          "$raie" $command --model model --data "$shop/data" --slice $large
      done
    done
    refused $kUsage 'calibrated with confidence = cosine' \
      "$raie" drift --model model --data "$shop/data" --set edit.editor.confidence=softmax
    diff -r "$shop/model" model || fail 'the model changed'
    ;;
  bad_current)
    # A CURRENT that is cut short or gone: what the error advises repairs it.
    for damage in 'truncate -s 10' 'rm'; do
      rm -rf model
      cp -r "$shop/model" model
      $damage model/CURRENT
      refused $kData 'CURRENT.*rollback VERSION' "$raie" recommend --model model --history i1
      refused $kData 'CURRENT.*rollback VERSION' "$raie" rollback --model model
      refused $kData 'no version 7' "$raie" rollback 7 --model model
      ok "$raie" rollback 0 --model model
      says 'version 0 answers now .*damaged'
      printf x >> model/versions/0000/items.ids
      refused $kData 'items.ids' "$raie" rollback 0 --model model
      truncate -s -1 model/versions/0000/items.ids
      diff -r -x .lock "$shop/model" model || fail 'the model is not as it was'
    done
    rm model/CURRENT
    ok "$raie" rollback --model model 0 --json
    [ "$(json before)" = null ] || fail 'the version before is not known'
    ok "$raie" rollback --model model --version 0
    says 'version 0 answers now .before: 0'
    refused $kUsage 'version' "$raie" rollback 0 --model model --version 0
    refused $kUsage 'whole number' "$raie" rollback first --model model
    ;;
  edit_race)
    # Two edits of one version: the later one must not take the place of the earlier.
    cp -r "$shop/model" model
    quick=(--set edit.budget=own --set edit.epochs=1)
    "$raie" edit --model model --data "$shop/data" "${quick[@]}" --set edit.epochs=40 >.out 2>.err &
    slow=$!
    sleep 0.3
    run "$raie" edit --model model --data "$shop/data" "${quick[@]}"
    first=$code
    code=0
    wait $slow || code=$?
    [ "$((first == 0)) $((code == 0))" != '1 1' ] || fail 'both edits wrote a version'
    [ "$((first == 0)) $((code == 0))" != '0 0' ] || fail 'neither edit wrote a version'
    [ "$(ls model/versions | wc -l)" -eq 2 ] || fail "versions: $(ls model/versions)"
    ;;
  other_backbone)
    # A checkpoint goes on with the backbone it was made with or not at all.
    long=(--config "$small" --set fit.max_epochs=400 --set fit.patience_epochs=400)
    fit_and_interrupt "${long[@]}"
    [ -e parts.checkpoint ] || fail 'no checkpoint'
    refused $kUsage 'backbone' "$raie" fit --data "$shop/data" --model parts "${long[@]}" --resume \
      --set backbone.sasrec.dropout=0.6 --set backbone.sasrec.norm=pre
    ;;
  bad_recommend)
    refused $kUsage 'one of' "$raie" recommend --model "$shop/model"
    refused $kData 'nonsense' "$raie" recommend --model "$shop/model" --history nonsense
    refused $kUsage 'argument 6 is not valid UTF-8' "$raie" recommend --model "$shop/model" --history i1 $'\xff' --json
    # Every line that can be answered is, whatever the others hold.
    item=$(sed -n 2p "$shop/log/events.csv" | cut -d, -f2)
    printf '%s\n\xff\t%s\nnonsense\n\n%s\tnonsense\n' "$item" "$item" "$item" >histories
    run "$raie" recommend --model "$shop/model" --input histories --json
    [ "$code" -eq $kData ] || fail "exit code $code with bad lines"
    [ "$(wc -l <.out)" -eq 5 ] || fail 'not one answer a line'
    for line in 2 3 4; do
      sed -n ${line}p .out | grep -q "^{\"line\":$line,\"error\":\"" || fail "line $line has no error"
    done
    sed -n 2p .out | grep -q 'UTF-8' || fail 'line 2 does not say UTF-8'
    for line in 1 5; do
      sed -n ${line}p .out | grep -q '"items":\[{' || fail "line $line has no items"
    done
    run "$raie" recommend --model "$shop/model" --input histories
    [ "$code" -eq $kData ] || fail "exit code $code with bad lines"
    [ "$(grep -c '^rank' .out)" -eq 2 ] || fail 'not two tables'
    grep -q '^raie: histories: line 3: .*nonsense' .err || fail 'line 3 is not named'
    refused $kData 'nobody' \
      "$raie" recommend --model "$shop/model" --data "$shop/data" --user nobody
    refused $kUsage 'needs --data, where the history is read, or --history' "$raie" recommend --model "$shop/model" --user u1
    refused $kUsage 'leave --data out' "$raie" recommend --model "$shop/model" --user u1 --data "$shop/data" --history i1
    refused $kUsage 'count' "$raie" recommend --model "$shop/model" --history x --count 0
    refused $kData 'nowhere' "$raie" recommend --model "$shop/model" --input nowhere
    ;;
  *) fail "no case $case_name" ;;
esac
