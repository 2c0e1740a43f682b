#!/bin/sh
# Deploy an approved version offline: sagemaker-registry watch --on Approved --exec examples/deploy/deploy.sh
#
# The environment contains the version to deploy; standard input contains the whole event. An event may be delivered
# twice, so this script is idempotent. On AWS, the target of an EventBridge rule receives the same event.
set -eu

target="${DEPLOY_TO:-./deployed}/$MODEL_PACKAGE_GROUP"
mkdir -p "$target"
cat >"$target/event.json"
printf '%s\n' "${MODEL_DATA_URL:-none}" >"$target/model-data-url"
printf '%s\n' "$MODEL_PACKAGE_ARN" >"$target/.current.new"
mv "$target/.current.new" "$target/current" # the last step is atomic: a reader sees the old or the new version
echo "deployed $MODEL_PACKAGE_GROUP/$MODEL_PACKAGE_VERSION (event $REGISTRY_EVENT_ID)"
