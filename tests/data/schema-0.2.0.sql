BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'sagemaker-registry','m0001_groups_packages_and_tokens','2026-11-24 07:18:59.753715+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'sagemaker-registry','m0002_group_policies','2026-11-24 07:18:59.753981+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'sagemaker-registry','m0003_history','2026-11-24 07:18:59.754461+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'sagemaker-registry','m0004_events','2026-11-24 07:44:36.084471+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'sagemaker-registry','m0005_versions_by_approval','2026-11-24 08:10:00.000000+00:00');
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
INSERT INTO "client_tokens" VALUES('123456789012','us-east-1','CreateModelPackage','first',1795504739801,1,'fff42d10c87e8a8f0cfce91df6e2df68f04af6920bc8d5d4c0070b208fcdcd45','{"ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"}');
CREATE TABLE "event_cursors" (
   "name" TEXT PRIMARY KEY NOT NULL,
   "position" INTEGER NOT NULL,
   "rev" INTEGER NOT NULL
) STRICT;
INSERT INTO "event_cursors" VALUES('',1,1);
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
INSERT INTO "events" VALUES('123456789012','us-east-1','churn',4,1,1795506276512,1,1,'{"version":"0","id":"953bb11b-ef46-4163-9964-d19d37425bb1","detail-type":"SageMaker Model Package State Change","source":"aws.sagemaker","account":"123456789012","time":"2026-11-24T07:44:36Z","region":"us-east-1","resources":["arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"],"detail":{"ModelPackageName":"churn/1","ModelPackageGroupName":"churn","ModelPackageVersion":1,"ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795504739801,"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]},"CertifyForMarketplace":false,"ModelApprovalStatus":"Approved","CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795506276512,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"ApprovalDescription":"ticket 42","CustomerMetadataProperties":{"accuracy":"0.97"},"UpdatedModelPackageFields":["ApprovalDescription"]}}');
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
   "access_key" TEXT NOT NULL,
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
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',1,1795504739796,'arn:aws:iam::123456789012:user/anonymous','anonymous','','CreateModelPackageGroup','group','arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn',0,'{"after":{"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795504739.796,"ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn","ModelPackageGroupName":"churn","ModelPackageGroupStatus":"Completed"},"before":null,"reason":null,"rules":[]}','','aeb0623d76fb44c7321a57e14abe1c36b0a80cf1561282ac84580b5db15e9cf4');
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',2,1795504739801,'arn:aws:iam::123456789012:user/anonymous','anonymous','','CreateModelPackage','package','arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1',1,'{"after":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795504739.801,"CustomerMetadataProperties":{"accuracy":"0.97"},"ModelApprovalStatus":"PendingManualApproval","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"before":null,"reason":null,"rules":[]}','aeb0623d76fb44c7321a57e14abe1c36b0a80cf1561282ac84580b5db15e9cf4','4e8478d4f4deb25ba8f7b7949e8eccc4fb6dc674fd6826bd80129df9599ff1a4');
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',3,1795504739803,'arn:aws:iam::123456789012:user/anonymous','anonymous','','UpdateModelPackage','package','arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1',1,'{"after":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795504739.801,"CustomerMetadataProperties":{"accuracy":"0.97"},"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795504739.803,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"before":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795504739.801,"CustomerMetadataProperties":{"accuracy":"0.97"},"ModelApprovalStatus":"PendingManualApproval","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"reason":null,"rules":[]}','4e8478d4f4deb25ba8f7b7949e8eccc4fb6dc674fd6826bd80129df9599ff1a4','b63eb82206913bec4e5a91f857e622ff823012fdf9c5bf6865cb8f39fe80617d');
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',4,1795506276512,'arn:aws:iam::123456789012:user/anonymous','anonymous','ccbffd41-fb7f-438e-87eb-a951fd53a6dd','UpdateModelPackage','package','arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1',1,'{"after":{"ApprovalDescription":"ticket 42","CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795504739.801,"CustomerMetadataProperties":{"accuracy":"0.97"},"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795506276.512,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"before":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795504739.801,"CustomerMetadataProperties":{"accuracy":"0.97"},"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"LastModifiedTime":1795504739.803,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"reason":"ticket 42","rules":[]}','b63eb82206913bec4e5a91f857e622ff823012fdf9c5bf6865cb8f39fe80617d','32693a8f6c82a9acc714ddddbc8fb003664764a89519122bead7f933126c5927');
CREATE TABLE "history_heads" (
   "account" TEXT NOT NULL,
   "region" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "seq" INTEGER NOT NULL,
   "hash" TEXT NOT NULL,
   "rev" INTEGER NOT NULL,
   PRIMARY KEY ("account", "region", "name")
) STRICT;
INSERT INTO "history_heads" VALUES('123456789012','us-east-1','churn',4,'32693a8f6c82a9acc714ddddbc8fb003664764a89519122bead7f933126c5927',4);
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
INSERT INTO "model_package_groups" VALUES('123456789012','us-east-1','churn',1795504739796,1,0,'{"ModelPackageGroupName":"churn","ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn","ModelPackageGroupStatus":"Completed","CreationTime":1795504739.796,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}}}');
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
INSERT INTO "model_packages" VALUES('123456789012','us-east-1','churn',1,'Versioned',1795504739801,1795506276512,'Approved',2,'{"ModelPackageGroupName":"churn","CustomerMetadataProperties":{"accuracy":"0.97"},"ModelPackageVersion":1,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795504739.801,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CertifyForMarketplace":false,"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]},"LastModifiedTime":1795506276.512,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"ApprovalDescription":"ticket 42"}');
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
