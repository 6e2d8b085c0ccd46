#!/bin/bash
# bad_checkpoint.sh PROGRAM: folders of language models that are damaged, that do not belong together or
# that no memory holds. What is wrong is named, nothing crashes, nothing large is read or taken.
. "$(dirname "$0")/lib.sh"
golden=$here/../golden/causal_lm/llama

# fresh: a good folder `model` of two shards, with a tokenizer of three letters.
fresh() {
  rm -rf model
  mkdir model
  cp "$golden"/{config.json,model*} model
  chmod -R u+w model
  tokenizer 5
}

# tokenizer ID: writes one whose last token has this id.
tokenizer() {
  cat >model/tokenizer.json <<JSON
{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
 "pre_tokenizer": null, "post_processor": null, "decoder": null,
 "model": {"type": "BPE", "unk_token": "?", "merges": [], "vocab": {"?": 0, "a": 3, "b": 4, "c": $1}}}
JSON
}

# with KEY VALUE: sets a number of config.json.
with() { sed -i "s/\"$1\": [^,]*/\"$1\": $2/" model/config.json; }

# bytes N: N as 8 bytes, little endian.
bytes() {
  local n=$1
  for _ in 1 2 3 4 5 6 7 8; do
    printf "\\x$(printf %02x $((n & 255)))"
    n=$((n >> 8))
  done
}

probe=("$raie" probe --backbone model --text abc)
fresh
ok "${probe[@]}" --json
says '"nll"'

truncate -s -100 model/model-00001-of-00002.safetensors
refused $kData 'model-00001-of-00002.safetensors.*cut short' "${probe[@]}"
rm model/model-00001-of-00002.safetensors
refused $kData 'index.json names the file model-00001-of-00002.safetensors.*not in the folder' "${probe[@]}"

# A header of 2 GB, in a file that is as long and takes no room on disk.
fresh
bytes $((2 << 30)) >model/model-00001-of-00002.safetensors
truncate -s 3G model/model-00001-of-00002.safetensors
refused $kData 'model-00001-of-00002.safetensors.*header' "${probe[@]}"

# The last values of a shard of bf16 are not numbers.
fresh
size=$(stat -c %s model/model-00001-of-00002.safetensors)
printf '\xc0\x7f' | dd of=model/model-00001-of-00002.safetensors bs=1 seek=$((size - 2)) conv=notrunc status=none
refused $kData 'model-00001-of-00002.safetensors: tensor model\..* is not finite' "${probe[@]}"

for key in num_attention_heads num_key_value_heads num_hidden_layers hidden_size vocab_size; do
  fresh
  with $key 0
  refused $kData "$key = 0, expected 1 to" "${probe[@]}"
done
fresh
with num_attention_heads 8
refused $kData 'q_proj.weight has shape \[24, 24\], expected \[48, 24\]' "${probe[@]}"

fresh
tokenizer 40
refused $kUsage 'tokenizer.*(40|41)' "${probe[@]}"

# Larger than any memory; what there is must not be asked for first.
fresh
with num_hidden_layers 1000000
with hidden_size 1000000
with intermediate_size 1000000
refused $kData 'the weights of the model its config.json describes take [0-9]+ MB in bf16, and [0-9]+ MB' \
  "${probe[@]}"
refused $kData 'take [0-9]+ MB in fp32' "${probe[@]}" --precision fp32

# Adapters: of other shapes, of other modules, of none; of another base, which only its name tells.
adapter() {
  mkdir -p adapter
  cat >adapter/adapter_config.json <<JSON
{"peft_type": "LORA", "r": $1, "lora_alpha": 4, "target_modules": ["$2"],
 "base_model_name_or_path": "${3:-some/other}"}
JSON
  local tensors='' at=0 layer part shape size
  for layer in 0 1; do
    for part in A B; do
      shape="2,24"
      [ $part = A ] || shape="24,2"
      size=$((2 * 24 * 4))
      tensors+="\"base_model.model.model.layers.$layer.self_attn.$2.lora_$part.weight\":"
      tensors+="{\"dtype\":\"F32\",\"shape\":[$shape],\"data_offsets\":[$at,$((at + size))]},"
      at=$((at + size))
    done
  done
  tensors="{${tensors%,}}"
  { bytes ${#tensors}; printf %s "$tensors"; head -c $at /dev/zero; } >adapter/adapter_model.safetensors
}
fresh
adapter 2 q_proj
ok "${probe[@]}" --adapter adapter
grep -q 'the adapter says it was trained on some/other' .err || fail 'another base, and nothing said'
adapter 2 q_proj elsewhere/model
ok "${probe[@]}" --adapter adapter
! grep -q 'was trained on' .err || fail 'the same base, and something said'
adapter 3 q_proj
refused $kData 'q_proj.lora_A.weight.*\[2, 24\].*\[3, 24\]' "${probe[@]}" --adapter adapter
adapter 2 k_proj
refused $kData 'k_proj.lora_B.weight.*\[24, 2\].*\[12, 2\]' "${probe[@]}" --adapter adapter
adapter 2 c_attn
refused $kData 'c_attn.* belongs to no linear map' "${probe[@]}" --adapter adapter
refused $kData 'adapter_config.json' "${probe[@]}" --adapter model

# Said once by whoever loads bf16 weights, where this machine multiplies floats.
if ! grep -q avx512_bf16 /proc/cpuinfo; then
  ok "${probe[@]}"
  [ "$(grep -c 'no AVX512_BF16' .err)" -eq 1 ] || fail 'not said once that bf16 is widened'
  ok "${probe[@]}" --precision fp32
  ! grep -q 'AVX512_BF16' .err || fail 'said of floats, too'
fi
