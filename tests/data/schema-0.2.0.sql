BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'sagemaker-registry','m0001_groups_packages_and_tokens','2026-11-24 08:44:30.704195+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'sagemaker-registry','m0002_group_policies','2026-11-24 08:44:30.704569+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'sagemaker-registry','m0003_history','2026-11-24 08:44:30.705161+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'sagemaker-registry','m0004_events','2026-11-24 08:44:30.710218+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'sagemaker-registry','m0005_versions_by_approval','2026-11-24 08:44:30.710519+00:00');
CREATE TABLE "client_tokens" (
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "operation" TEXT NOT NULL,
   "token" TEXT NOT NULL,
   "created" INTEGER NOT NULL,
   "rev" INTEGER NOT NULL,
   "digest" TEXT NOT NULL,
   "record" TEXT NOT NULL,
   PRIMARY KEY ("account", "region", "operation", "token")
) STRICT;
CREATE TABLE "event_cursors" (
   "name" TEXT PRIMARY KEY NOT NULL,
   "position" INTEGER NOT NULL,
   "rev" INTEGER NOT NULL
) STRICT;
INSERT INTO "event_cursors" VALUES('',3,1);
CREATE TABLE "event_deliveries" (
   "position" INTEGER NOT NULL,
   "sink" TEXT NOT NULL,
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "version" INTEGER NOT NULL,
   "id" TEXT NOT NULL,
   "open" INTEGER NOT NULL,
   "state" TEXT NOT NULL,
   "attempts" INTEGER NOT NULL,
   "due" INTEGER NOT NULL,
   "changed" INTEGER NOT NULL,
   "error" TEXT NOT NULL,
   "rev" INTEGER NOT NULL,
   PRIMARY KEY ("position", "sink")
) STRICT;
CREATE TABLE "events" (
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "seq" INTEGER NOT NULL,
   "version" INTEGER NOT NULL,
   "at" INTEGER NOT NULL,
   "position" INTEGER NOT NULL,
   "rev" INTEGER NOT NULL,
   "record" TEXT NOT NULL,
   PRIMARY KEY ("account", "region", "name", "seq")
) STRICT;
INSERT INTO "events" VALUES('123456789012','us-east-1','churn',2,1,1795509870733,1,1,'{"version":"0","id":"b640e5e2-4106-4c03-9945-6e1bfe5ed214","detail-type":"SageMaker Model Package State Change","source":"aws.sagemaker","account":"123456789012","time":"2026-11-24T08:44:30Z","region":"us-east-1","resources":["arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"],"detail":{"ModelPackageName":"churn/1","ModelPackageGroupName":"churn","ModelPackageVersion":1,"ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795509870733,"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]},"CertifyForMarketplace":false,"ModelApprovalStatus":"PendingManualApproval","CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}}}}');
INSERT INTO "events" VALUES('123456789012','us-east-1','churn',3,1,1795509870745,2,1,'{"version":"0","id":"a2e2537a-3fc7-406e-acb8-039548d280a3","detail-type":"SageMaker Model Package State Change","source":"aws.sagemaker","account":"123456789012","time":"2026-11-24T08:44:30Z","region":"us-east-1","resources":["arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"],"detail":{"ModelPackageName":"churn/1","ModelPackageGroupName":"churn","ModelPackageVersion":1,"ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795509870733,"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]},"CertifyForMarketplace":false,"ModelApprovalStatus":"Approved","CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795509870745,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"UpdatedModelPackageFields":["ModelApprovalStatus"]}}');
INSERT INTO "events" VALUES('123456789012','us-east-1','churn',4,1,1795509870758,3,1,'{"version":"0","id":"4124939d-8be8-47b4-a858-95eed6d64e14","detail-type":"SageMaker Model Package State Change","source":"aws.sagemaker","account":"123456789012","time":"2026-11-24T08:44:30Z","region":"us-east-1","resources":["arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"],"detail":{"ModelPackageName":"churn/1","ModelPackageGroupName":"churn","ModelPackageVersion":1,"ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795509870733,"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]},"CertifyForMarketplace":false,"ModelApprovalStatus":"Approved","CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795509870758,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"ApprovalDescription":"ticket 42","UpdatedModelPackageFields":["ApprovalDescription"]}}');
CREATE TABLE "group_policies" (
   "region" TEXT NOT NULL,
   "account" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "rev" INTEGER NOT NULL,
   "record" TEXT NOT NULL,
   PRIMARY KEY ("region", "account", "name")
) STRICT;
CREATE TABLE "history" (
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "seq" INTEGER NOT NULL,
   "at" INTEGER NOT NULL,
   "actor" TEXT NOT NULL,
   "principal" TEXT NOT NULL,
   "request_id" TEXT NOT NULL,
   "operation" TEXT NOT NULL,
   "kind" TEXT NOT NULL,
   "arn" TEXT NOT NULL,
   "version" INTEGER NOT NULL,
   "content" TEXT NOT NULL,
   "previous" TEXT NOT NULL,
   "hash" TEXT NOT NULL,
   PRIMARY KEY ("account", "region", "name", "seq")
) STRICT;
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',1,1795509870726,'arn:aws:iam::123456789012:user/anonymous','anonymous','','CreateModelPackageGroup','group','arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn',0,'{"after":{"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795509870.726,"ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn","ModelPackageGroupName":"churn","ModelPackageGroupStatus":"Completed"},"before":null,"reason":null,"rules":[]}','','afc971ef4eee86850060212ac9ca56dd24ccd082bfa87530817cff79753819f3');
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',2,1795509870733,'arn:aws:iam::123456789012:user/anonymous','anonymous','','CreateModelPackage','package','arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1',1,'{"after":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795509870.733,"ModelApprovalStatus":"PendingManualApproval","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"before":null,"reason":null,"rules":[]}','afc971ef4eee86850060212ac9ca56dd24ccd082bfa87530817cff79753819f3','47a48180606708af62dbd1995db2e11a4e4ea1cc8fbfa81e1e68447b99d14160');
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',3,1795509870745,'arn:aws:iam::123456789012:user/anonymous','anonymous','','UpdateModelPackage','package','arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1',1,'{"after":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795509870.733,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795509870.745,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1,"_Approval":{"At":1795509870745,"By":"arn:aws:iam::123456789012:user/anonymous","IsLatest":true}},"before":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795509870.733,"ModelApprovalStatus":"PendingManualApproval","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"reason":null,"rules":[]}','47a48180606708af62dbd1995db2e11a4e4ea1cc8fbfa81e1e68447b99d14160','17b462baa739b68b8e41957ff3ad29c6ae5a2856bb788750efa99809ff2ec71d');
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',4,1795509870758,'arn:aws:iam::123456789012:user/anonymous','anonymous','','UpdateModelPackage','package','arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1',1,'{"after":{"ApprovalDescription":"ticket 42","CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795509870.733,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795509870.758,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1,"_Approval":{"At":1795509870745,"By":"arn:aws:iam::123456789012:user/anonymous"}},"before":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795509870.733,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795509870.745,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1,"_Approval":{"At":1795509870745,"By":"arn:aws:iam::123456789012:user/anonymous","IsLatest":true}},"reason":"ticket 42","rules":[]}','17b462baa739b68b8e41957ff3ad29c6ae5a2856bb788750efa99809ff2ec71d','e1929a55f28b3e1d1361f9747eaa350886725b0c9a9368ad668f6f662f64538c');
CREATE TABLE "history_heads" (
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "seq" INTEGER NOT NULL,
   "hash" TEXT NOT NULL,
   "rev" INTEGER NOT NULL,
   PRIMARY KEY ("account", "region", "name")
) STRICT;
INSERT INTO "history_heads" VALUES('123456789012','us-east-1','churn',4,'e1929a55f28b3e1d1361f9747eaa350886725b0c9a9368ad668f6f662f64538c',4);
CREATE TABLE "model_package_groups" (
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "created" INTEGER NOT NULL,
   "last_version" INTEGER NOT NULL,
   "rev" INTEGER NOT NULL,
   "record" TEXT NOT NULL,
   PRIMARY KEY ("account", "region", "name")
) STRICT;
INSERT INTO "model_package_groups" VALUES('123456789012','us-east-1','churn',1795509870726,1,0,'{"ModelPackageGroupName":"churn","ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn","ModelPackageGroupStatus":"Completed","CreationTime":1795509870.726,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}}}');
CREATE TABLE "model_packages" (
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "version" INTEGER NOT NULL,
   "type" TEXT NOT NULL,
   "created" INTEGER NOT NULL,
   "modified" INTEGER NOT NULL,
   "approval" TEXT NOT NULL,
   "rev" INTEGER NOT NULL,
   "record" TEXT NOT NULL,
   PRIMARY KEY ("account", "region", "name", "version")
) STRICT;
INSERT INTO "model_packages" VALUES('123456789012','us-east-1','churn',1,'Versioned',1795509870733,1795509870758,'Approved',2,'{"ModelPackageGroupName":"churn","ModelPackageVersion":1,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795509870.733,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CertifyForMarketplace":false,"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]},"LastModifiedTime":1795509870.758,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"ApprovalDescription":"ticket 42","_Approval":{"By":"arn:aws:iam::123456789012:user/anonymous","At":1795509870745}}');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX "idx_model_package_groups_account_region_created_name"
    ON "model_package_groups" ("account", "region", "created", "name");
CREATE INDEX "idx_model_packages_account_region_name_created_version"
    ON "model_packages" ("account", "region", "name", "created", "version");
CREATE INDEX "idx_model_packages_account_region_type_created_name_version"
    ON "model_packages" ("account", "region", "type", "created", "name", "version");
CREATE INDEX "idx_model_packages_account_region_created_name_version"
    ON "model_packages" ("account", "region", "created", "name", "version");
CREATE INDEX "idx_client_tokens_account_region_created"
    ON "client_tokens" ("account", "region", "created");
CREATE INDEX "idx_history_account_region_at_name_seq"
    ON "history" ("account", "region", "at", "name", "seq");
CREATE INDEX "idx_history_account_region_name_version_seq"
    ON "history" ("account", "region", "name", "version", "seq");
CREATE INDEX "idx_events_position"
    ON "events" ("position");
CREATE INDEX "idx_event_deliveries_sink_open_position"
    ON "event_deliveries" ("sink", "open", "position");
CREATE INDEX "idx_model_packages_account_region_approval_created_name_version"
    ON "model_packages" ("account", "region", "approval", "created", "name", "version");
CREATE INDEX "idx_model_packages_account_region_name_approval_version"
    ON "model_packages" ("account", "region", "name", "approval", "version");
COMMIT;
