#!/bin/bash
# bad_log.sh PROGRAM CASE: logs that cannot be prepared. Each gives one error that says what to do,
# and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
case_name=$1

# log N [FIRST_TIME]: N users with 30 events each, as MovieLens ratings.dat.
log() {
  awk -v users="$1" -v first="${2:-1000000000}" 'BEGIN {
    for (event = 0; event < 30; ++event)
      for (user = 1; user <= users; ++user)
        print user "::" (user * 7 + event * 3) % 20 + 1 "::5::" first + event * 86400 + user
  }'
}
prepare() { "$raie" data prepare --input "$1" --output out --set prepare.k_core=2 --context 3 "${@:2}"; }

case $case_name in
  empty_file)
    : >ratings.dat
    refused $kData 'ratings.dat.*(empty|no )' prepare ratings.dat
    nothing_but ratings.dat
    ;;
  header_only)
    echo 'userId,movieId,rating,timestamp' >ratings.csv
    refused $kData 'ratings.csv.*no ' prepare ratings.csv
    nothing_but ratings.csv
    ;;
  binary_junk)
    head -c 20000 /dev/urandom >ratings.dat
    refused '[23]' 'ratings.dat' prepare ratings.dat --format movielens-dat
    nothing_but ratings.dat
    ;;
  wrong_separator)
    log 20 | sed 's/::/;/g' >ratings.dat
    refused '[23]' 'ratings.dat.*field.*::' prepare ratings.dat --format movielens-dat
    nothing_but ratings.dat
    ;;
  one_event_user)
    # Not an error: the user falls to the k-core and is counted.
    { log 20; echo '999::1::5::1000000001'; } >ratings.dat
    ok prepare ratings.dat
    says 'by the k-core 1$'
    ok "$raie" data stats --data out --json
    [ "$(json after/S/users)" = 20 ] || fail "users: $(json after/S/users)"
    nothing_but out ratings.dat
    ;;
  equal_times)
    log 20 | awk -F:: '{ print $1 "::" $2 "::" $3 "::1000000000" }' >ratings.dat
    refused $kData 'slice|cut' prepare ratings.dat
    nothing_but ratings.dat
    ;;
  nan_rating)
    { log 20; echo '3::4::nan::1000000001'; } >ratings.dat
    refused $kData 'ratings.dat:601.*rating' prepare ratings.dat
    nothing_but ratings.dat
    ok prepare ratings.dat --skip-bad-rows 1
    says 'rating not finite: 1'
    ;;
  future_times)
    { log 20; echo '3::4::5::99999999999'; } >ratings.dat
    refused $kData 'ratings.dat:601.*time' prepare ratings.dat
    nothing_but ratings.dat
    ;;
  empty_slice)
    log 20 >ratings.dat
    refused $kData 'slice|cut' prepare ratings.dat --set prepare.cuts=1,2
    nothing_but ratings.dat
    refused $kData 'window' prepare ratings.dat --context 25
    nothing_but ratings.dat
    ;;
  missing_file)
    refused $kData 'nowhere.dat' prepare nowhere.dat
    nothing_but
    ;;
  other_output)
    log 20 >ratings.dat
    mkdir out
    echo precious >out/letter
    refused $kUsage 'out exists' prepare ratings.dat
    [ "$(cat out/letter)" = precious ] || fail 'the letter is gone'
    nothing_but out ratings.dat
    ;;
  unknown_keys)
    log 20 >ratings.dat
    refused $kUsage 'min_ratin.*min_rating' prepare ratings.dat --set prepare.min_ratin=3
    printf '[prepare]\ncontxt = 5\n' >wrong.toml
    refused $kUsage 'wrong.toml:2.*context' prepare ratings.dat --config wrong.toml
    printf '[prepare\n' >broken.toml
    refused $kUsage 'broken.toml:1.*TOML' prepare ratings.dat --config broken.toml
    refused $kUsage 'context.*1 to' prepare ratings.dat --context 0
    refused $kUsage 'min_rating' prepare ratings.dat --set prepare.min_rating=many
    nothing_but broken.toml ratings.dat wrong.toml
    ;;
  threads_0)
    log 20 >ratings.dat
    refused $kUsage 'threads = 0.*1 to' prepare ratings.dat --threads 0
    nothing_but ratings.dat
    ;;
  *) fail "no case $case_name" ;;
esac
