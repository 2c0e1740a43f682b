BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'sagemaker-registry','m0001_groups_packages_and_tokens','2026-11-24 02:56:37.487753+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'sagemaker-registry','m0002_group_policies','2026-11-24 02:56:37.487984+00:00');
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
INSERT INTO "client_tokens" VALUES('123456789012','us-east-1','CreateModelPackage','first',1795488997547,0,'fff42d10c87e8a8f0cfce91df6e2df68f04af6920bc8d5d4c0070b208fcdcd45','{"ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"}');
CREATE TABLE "group_policies" (
   "region" TEXT NOT NULL,
   "account" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "rev" INTEGER NOT NULL,
   "record" TEXT NOT NULL,
   PRIMARY KEY ("region", "account", "name")
) STRICT;
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
INSERT INTO "model_package_groups" VALUES('123456789012','us-east-1','churn',1795488997544,1,0,'{"ModelPackageGroupName":"churn","ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn","ModelPackageGroupStatus":"Completed","CreationTime":1795488997.544,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}}}');
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
INSERT INTO "model_packages" VALUES('123456789012','us-east-1','churn',1,'Versioned',1795488997547,1795488997548,'Approved',1,'{"ModelPackageGroupName":"churn","CustomerMetadataProperties":{"accuracy":"0.97"},"ModelPackageVersion":1,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795488997.547,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]},"CertifyForMarketplace":false,"LastModifiedTime":1795488997.548,"LastModifiedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}}}');
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
COMMIT;
