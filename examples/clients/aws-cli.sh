#!/usr/bin/env bash
# Register, list, and approve a version, and find the newest approved one, with the AWS CLI (1 or 2).
#
#   export AWS_ENDPOINT_URL=http://127.0.0.1:8080 AWS_DEFAULT_REGION=us-east-1
#   export AWS_ACCESS_KEY_ID=alice AWS_SECRET_ACCESS_KEY=any
#   examples/clients/aws-cli.sh churn
#
# Without AWS_ENDPOINT_URL, the script uses AWS.
set -euo pipefail
group=${1:-churn}
bucket=$group-models

found=$(aws sagemaker list-model-package-groups --name-contains "$group" --output json \
    --query "length(ModelPackageGroupSummaryList[?ModelPackageGroupName=='$group'])")
if [ "$found" = 0 ]; then
    aws sagemaker create-model-package-group --model-package-group-name "$group" >/dev/null
fi

aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1 || aws s3 mb "s3://$bucket" >/dev/null
echo "weights" | aws s3 cp - "s3://$bucket/model.tar.gz" >/dev/null

# Structured values are JSON, because the shorthand syntax ends a value at a comma.
version=$(aws sagemaker create-model-package \
    --model-package-group-name "$group" \
    --model-approval-status PendingManualApproval \
    --customer-metadata-properties '{"accuracy": "0.93", "git_commit": "4f5c2a9"}' \
    --inference-specification "$(
        cat <<JSON
{
  "Containers": [{"Image": "registry/churn:3", "ModelDataUrl": "s3://$bucket/model.tar.gz"}],
  "SupportedContentTypes": ["text/csv"],
  "SupportedResponseMIMETypes": ["text/csv"]
}
JSON
    )" --query ModelPackageArn --output text)
echo "registered $version"

# Text output has one line per version; a query for element [0] would print one line per page, see docs/how-to/connect-a-client.md.
aws sagemaker list-model-packages --model-package-group-name "$group" \
    --model-approval-status PendingManualApproval --output text \
    --query 'ModelPackageSummaryList[].[ModelPackageArn]' | sed 's/^/pending    /'

aws sagemaker update-model-package --model-package-arn "$version" \
    --model-approval-status Approved --approval-description "ticket 42" >/dev/null
echo "approved   $version"

newest=$(aws sagemaker list-model-packages --model-package-group-name "$group" \
    --model-approval-status Approved --sort-by CreationTime --sort-order Descending \
    --query 'ModelPackageSummaryList[0].ModelPackageArn' --output json)
echo "newest     ${newest//\"/}"
