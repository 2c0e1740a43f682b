BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'sagemaker-registry','m0001_groups_packages_and_tokens','2026-11-24 11:20:29.255411+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'sagemaker-registry','m0002_group_policies','2026-11-24 11:20:29.255682+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'sagemaker-registry','m0003_history','2026-11-24 11:20:29.256170+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'sagemaker-registry','m0004_events','2026-11-24 11:20:29.256805+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'sagemaker-registry','m0005_versions_by_approval','2026-11-24 11:20:29.257018+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'sagemaker-registry','m0006_a_million_versions','2026-11-24 11:20:29.266184+00:00');
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
CREATE TABLE event_notes (account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (account, region, name, seq)) STRICT, WITHOUT ROWID;
INSERT INTO "event_notes" VALUES('123456789012','us-east-1','churn',2,1,1795519229287);
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
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',1,1795519229281,'arn:aws:iam::123456789012:user/anonymous','anonymous','','CreateModelPackageGroup','group','arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn',0,'{"after":{"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795519229.281,"ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn","ModelPackageGroupName":"churn","ModelPackageGroupStatus":"Completed"},"before":null,"reason":null,"rules":[]}','','2c7ec6c16d2aa1a44e5958118b06a39250f5bc1b93877bf62753d51c5e51216f');
INSERT INTO "history" VALUES('123456789012','us-east-1','churn',2,1795519229287,'arn:aws:iam::123456789012:user/anonymous','anonymous','','CreateModelPackage','package','arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1',1,'{"after":{"CertifyForMarketplace":false,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CreationTime":1795519229.287,"ModelApprovalStatus":"Approved","ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","ModelPackageGroupName":"churn","ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ImageScanStatuses":[],"ValidationStatuses":[]},"ModelPackageVersion":1},"before":null,"reason":null,"rules":[]}','2c7ec6c16d2aa1a44e5958118b06a39250f5bc1b93877bf62753d51c5e51216f','7056e5c2f4d8553399d0a44216de56baaf20adf3286de52ad9b68668978e87cc');
CREATE TABLE "history_heads" (account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, rev INTEGER NOT NULL, PRIMARY KEY (account, region, name)) STRICT, WITHOUT ROWID;
INSERT INTO "history_heads" VALUES('123456789012','us-east-1','churn',2,'7056e5c2f4d8553399d0a44216de56baaf20adf3286de52ad9b68668978e87cc',2);
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
INSERT INTO "model_package_groups" VALUES('123456789012','us-east-1','churn',1795519229281,1,0,'{"ModelPackageGroupName":"churn","ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn","ModelPackageGroupStatus":"Completed","CreationTime":1795519229.281,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}}}');
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
INSERT INTO "model_packages" VALUES('123456789012','us-east-1','churn',1,'Versioned',1795519229287,1795519229287,'Approved',0,'{"ModelPackageGroupName":"churn","ModelApprovalStatus":"Approved","ModelPackageVersion":1,"ModelPackageArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1","CreationTime":1795519229.287,"CreatedBy":{"IamIdentity":{"Arn":"arn:aws:iam::123456789012:user/anonymous","PrincipalId":"anonymous"}},"CertifyForMarketplace":false,"ModelPackageStatus":"Completed","ModelPackageStatusDetails":{"ValidationStatuses":[],"ImageScanStatuses":[]}}');
CREATE TABLE search_terms (account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, moment INTEGER NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (account, region, kind, path, value, moment, name, version)) STRICT, WITHOUT ROWID;
INSERT INTO "search_terms" VALUES('123456789012','us-east-1','package','ModelApprovalStatus','Approved',1795519229287,'churn',1);
INSERT INTO "search_terms" VALUES('123456789012','us-east-1','package','ModelPackageGroupName','churn',1795519229287,'churn',1);
ANALYZE "sqlite_master";
INSERT INTO "sqlite_stat1" VALUES('model_package_groups','sqlite_autoindex_model_package_groups_1','100000 25000 12500 1');
INSERT INTO "sqlite_stat1" VALUES('model_package_groups','idx_model_package_groups_account_region_created_name','100000 25000 12500 2 1');
INSERT INTO "sqlite_stat1" VALUES('model_packages','sqlite_autoindex_model_packages_1','1000000 250000 125000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('model_packages','idx_model_packages_account_region_type_created_name_version','1000000 250000 125000 100000 2 2 1');
INSERT INTO "sqlite_stat1" VALUES('model_packages','idx_model_packages_account_region_created_name_version','1000000 250000 125000 2 2 1');
INSERT INTO "sqlite_stat1" VALUES('model_packages','idx_model_packages_account_region_approval_created_name_version','1000000 250000 125000 50000 2 2 1');
INSERT INTO "sqlite_stat1" VALUES('model_packages','idx_model_packages_account_region_name_approval_version','1000000 250000 125000 1000 250 1');
INSERT INTO "sqlite_stat1" VALUES('model_packages','idx_model_packages_account_region_modified_name_version','1000000 250000 125000 2 2 1');
INSERT INTO "sqlite_stat1" VALUES('history','sqlite_autoindex_history_1','1000000 250000 125000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('history','idx_history_account_region_at_name_seq','1000000 250000 125000 2 2 1');
INSERT INTO "sqlite_stat1" VALUES('history','idx_history_account_region_name_version_seq','1000000 250000 125000 1000 2 1');
INSERT INTO "sqlite_stat1" VALUES('history_heads','history_heads','100000 25000 12500 1');
INSERT INTO "sqlite_stat1" VALUES('event_notes','event_notes','1000000 250000 125000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('events','sqlite_autoindex_events_1','1000000 250000 125000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('events','idx_events_position','1000000 1');
INSERT INTO "sqlite_stat1" VALUES('events','idx_events_account_region_position','1000000 250000 125000 1');
INSERT INTO "sqlite_stat1" VALUES('events','idx_events_account_region_name_position_version','1000000 250000 125000 1000 1 1');
INSERT INTO "sqlite_stat1" VALUES('event_deliveries','sqlite_autoindex_event_deliveries_1','1000000 2 1');
INSERT INTO "sqlite_stat1" VALUES('event_deliveries','idx_event_deliveries_sink_open_position','1000000 500000 250000 1');
INSERT INTO "sqlite_stat1" VALUES('event_deliveries','idx_event_deliveries_account_region_position_sink','1000000 250000 125000 2 1');
INSERT INTO "sqlite_stat1" VALUES('event_deliveries','idx_event_deliveries_account_region_state_position_sink','1000000 250000 125000 50000 2 1');
INSERT INTO "sqlite_stat1" VALUES('client_tokens','sqlite_autoindex_client_tokens_1','1000 250 125 125 1');
INSERT INTO "sqlite_stat1" VALUES('client_tokens','idx_client_tokens_account_region_created','1000 250 125 1');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX "idx_model_package_groups_account_region_created_name"
    ON "model_package_groups" ("account", "region", "created", "name");
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
CREATE INDEX "idx_model_packages_account_region_modified_name_version"
    ON "model_packages" ("account", "region", "modified", "name", "version");
CREATE INDEX "idx_events_account_region_position"
    ON "events" ("account", "region", "position");
CREATE INDEX "idx_events_account_region_name_position_version"
    ON "events" ("account", "region", "name", "position", "version");
CREATE INDEX "idx_event_deliveries_account_region_position_sink"
    ON "event_deliveries" ("account", "region", "position", "sink");
CREATE INDEX "idx_event_deliveries_account_region_state_position_sink"
    ON "event_deliveries" ("account", "region", "state", "position", "sink");
COMMIT;
