#!/usr/bin/env bash
# From raw flights to served predictions: what `make demo` runs, every step a command of its own.
# The run folder is the demo's own, and is made anew each time.
set -euo pipefail
cd "$(dirname "$0")/../.."

run=runs/demo
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
shown() { printf '$ %s\n' "$*"; "$@"; }

started=$SECONDS
step "1. Preprocess: parse, aggregate, split, analyze, transform"
shown forebay preprocess examples/flights/flights.py:departure \
    --input data/flights/flights.csv --source weather=data/flights/weather.csv \
    --output "$run" --overwrite

step "2. Train, and export the model with its transformation inside"
shown forebay train "$run" --fresh --max-steps 4000

step "3. Evaluate on the last 65 days, beside baselines"
shown forebay evaluate "$run" --split test

step "4. Predict a few raw rows, as they are served"
shown forebay predict --model "$run/model" examples/flights/rows.jsonl

step "Done in $((SECONDS - started)) s. Where things are"
cat <<EOF
  $run/manifest.json        what was made of what
  $run/examples/            TFRecords per split
  $run/evaluation/test.png  predicted against actual
  $run/model/               SavedModels: saved_model_cli show --all --dir $run/model/*

Try next
  source .venv/bin/activate       # once in each shell: puts forebay and tensorboard on the PATH
  forebay train $run --fresh --drop-features '*_1h_*' --drop-features '*_3h_*' --drop-features '*_1d_*'
  forebay preprocess examples/flights/flights.py:late --input data/flights/flights.csv \\
      --source weather=data/flights/weather.csv --output runs/late
  tensorboard --logdir $run/training/logs
  forebay --help
EOF
