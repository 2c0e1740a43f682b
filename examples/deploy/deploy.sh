#!/bin/sh
# Deploys an approved version, offline: for sagemaker-registry watch --on Approved --exec examples/deploy/deploy.sh
#
# What to deploy is in the environment, the whole event on standard input. An event may come twice: what is done here is
# the same however often it is done. On AWS, a function behind an EventBridge rule reads the same event.
set -eu

target="${DEPLOY_TO:-./deployed}/$MODEL_PACKAGE_GROUP"
mkdir -p "$target"
cat >"$target/event.json"
printf '%s\n' "${MODEL_DATA_URL:-none}" >"$target/model-data-url"
printf '%s\n' "$MODEL_PACKAGE_ARN" >"$target/.current.new"
mv "$target/.current.new" "$target/current" # the last step, at once: who reads it sees the old version or the new one
echo "deployed $MODEL_PACKAGE_GROUP/$MODEL_PACKAGE_VERSION (event $REGISTRY_EVENT_ID)"
