#!/bin/bash
# install.sh PROGRAM SHOP CMAKE BUILD SOURCE: installs, builds the example against the installed
# package, runs it and the installed program.
. "$(dirname "$0")/lib.sh"
shop=$1 cmake=$2 build=$3 source=$4

ok "$cmake" --install "$build" --prefix "$work/prefix"
ok "$cmake" -G Ninja -S "$source/examples" -B "$work/examples" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_BUILD_TYPE=Release
ok "$cmake" --build "$work/examples"
item=$(sed -n 2p "$shop/log/events.csv" | cut -d, -f2)
ok "$work/examples/recommend" "$shop/model" "$item"
says '^region [0-9]'
[ "$(wc -l <"$work/.out")" -eq 11 ] || fail 'not 10 recommendations'
run "$work/examples/recommend" "$work/nowhere" "$item"
[ "$code" -eq 1 ] || fail 'a missing model is no error'
ok "$work/prefix/bin/raie" show --model "$shop/model"
says 'version 0 answers'
ok "$work/prefix/bin/raie" list configs --json
says '"source": ".*/prefix/share/raie/configs/data/ml-1m.toml"'
for header in "$work"/prefix/include/raie/*.h; do
  echo "#include \"raie/$(basename "$header")\"" >alone.cc
  ok g++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I "$work/prefix/include" alone.cc
done
