// Register, list, and approve a version, and find the newest approved one, with the AWS SDK for JavaScript (v3).
//
//   npm ci
//   export AWS_ENDPOINT_URL=http://127.0.0.1:8080 AWS_REGION=us-east-1
//   export AWS_ACCESS_KEY_ID=alice AWS_SECRET_ACCESS_KEY=any
//   node register.mjs churn
//
// Without AWS_ENDPOINT_URL, the script uses AWS.

import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateModelPackageCommand,
  CreateModelPackageGroupCommand,
  DescribeModelPackageCommand,
  SageMakerClient,
  UpdateModelPackageCommand,
  paginateListModelPackages,
} from "@aws-sdk/client-sagemaker";

const group = process.argv[2] ?? "churn";
const bucket = `${group}-models`;
const sagemaker = new SageMakerClient({});
// Without forcePathStyle, this SDK uses the host BUCKET.HOST, which usually does not resolve for a local server.
const s3 = new S3Client({ forcePathStyle: true });

try {
  await sagemaker.send(new CreateModelPackageGroupCommand({ ModelPackageGroupName: group }));
} catch (error) {
  // SageMaker has no specific error code for this, so check the message.
  if (error.name !== "ValidationException" || !error.message.includes("already exists")) throw error;
}

try {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
} catch (error) {
  if (error.name !== "BucketAlreadyOwnedByYou") throw error;
}
await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "model.tar.gz", Body: "weights" }));

const { ModelPackageArn: version } = await sagemaker.send(
  new CreateModelPackageCommand({
    ModelPackageGroupName: group,
    ModelApprovalStatus: "PendingManualApproval",
    InferenceSpecification: {
      Containers: [{ Image: "registry/churn:3", ModelDataUrl: `s3://${bucket}/model.tar.gz` }],
      SupportedContentTypes: ["text/csv"],
      SupportedResponseMIMETypes: ["text/csv"],
    },
    CustomerMetadataProperties: { accuracy: "0.93", git_commit: "4f5c2a9" },
  }),
);
console.log("registered", version);

for await (const arn of versions("PendingManualApproval")) console.log("pending   ", arn);

await sagemaker.send(
  new UpdateModelPackageCommand({
    ModelPackageArn: version,
    ModelApprovalStatus: "Approved",
    ApprovalDescription: "ticket 42",
  }),
);
console.log("approved  ", version);

const { value: newest } = await versions("Approved").next();
const deployable = await sagemaker.send(new DescribeModelPackageCommand({ ModelPackageName: newest }));
console.log("newest    ", newest, "created", deployable.CreationTime.toISOString());

// Newest first. A page can be empty although later pages are not, so read every page.
async function* versions(status) {
  const query = {
    ModelPackageGroupName: group,
    ModelApprovalStatus: status,
    SortBy: "CreationTime",
    SortOrder: "Descending",
  };
  for await (const page of paginateListModelPackages({ client: sagemaker }, query)) {
    for (const summary of page.ModelPackageSummaryList) yield summary.ModelPackageArn;
  }
}
