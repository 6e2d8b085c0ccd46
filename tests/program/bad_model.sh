#!/bin/bash
# bad_model.sh PROGRAM CASE SHOP: models that are damaged, data that is not theirs, disks that are
# full, runs that are stopped.
. "$(dirname "$0")/lib.sh"
case_name=$1 shop=$2
small=$shop/small.toml

# files FOLDER: every file of a model but the lock.
files() { find "$1" -type f ! -name .lock | sort; }

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
      refused $kUsage 'not the model' "$raie" $command --model model --data data
    done
    refused $kUsage 'not the model' "$raie" recommend --model model --data data --user u1
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
    "$raie" fit --data "$shop/data" --model parts "${long[@]}" >.out 2>.err &
    child=$!
    for _ in $(seq 200); do
      [ ! -e parts.checkpoint ] || break
      sleep 0.05
    done
    kill -INT $child
    code=0
    wait $child || code=$?
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
    diff -r "$shop/model" model || fail 'the model changed'
    ;;
  bad_recommend)
    refused $kUsage 'one of' "$raie" recommend --model "$shop/model"
    refused $kUsage 'nonsense' "$raie" recommend --model "$shop/model" --history nonsense
    refused $kData 'nobody' \
      "$raie" recommend --model "$shop/model" --data "$shop/data" --user nobody
    refused $kUsage 'needs --data' "$raie" recommend --model "$shop/model" --user u1
    refused $kUsage 'count' "$raie" recommend --model "$shop/model" --history x --count 0
    refused $kData 'nowhere' "$raie" recommend --model "$shop/model" --input nowhere
    ;;
  *) fail "no case $case_name" ;;
esac
