BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE artifacts (
	run_id VARCHAR(12) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	PRIMARY KEY (run_id, name), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "artifacts" VALUES('04e5eb908889','chain','5f9039dd89ffa018765f37312fb6d0cb0bd64ad21e71b978027c066e45c30756');
INSERT INTO "artifacts" VALUES('b94074a7d346','checkpoint','3395bc230ca6860d0c29470c88739850e911a2ec6b2b03950f811640f8eab800');
CREATE TABLE points (
	run_id VARCHAR(12) NOT NULL, 
	series VARCHAR(64) NOT NULL, 
	n INTEGER NOT NULL, 
	point TEXT NOT NULL, 
	PRIMARY KEY (run_id, series, n), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "points" VALUES('04e5eb908889','chain',1,'{"step":1,"first":107}');
INSERT INTO "points" VALUES('04e5eb908889','chain',2,'{"step":2,"first":26}');
INSERT INTO "points" VALUES('04e5eb908889','chain',3,'{"step":3,"first":27}');
INSERT INTO "points" VALUES('b94074a7d346','chain',1,'{"step":1,"first":107}');
INSERT INTO "points" VALUES('b94074a7d346','chain',2,'{"step":2,"first":26}');
CREATE TABLE runs (
	id VARCHAR(12) NOT NULL, 
	identity VARCHAR(64) NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	study TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	title TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	fraction FLOAT NOT NULL, 
	message TEXT NOT NULL, 
	error TEXT, 
	result TEXT, 
	checkpoint TEXT, 
	created FLOAT NOT NULL, 
	started FLOAT, 
	finished FLOAT, 
	token INTEGER NOT NULL, 
	expires FLOAT, 
	host TEXT, 
	pid INTEGER, 
	birth VARCHAR(64), 
	detached BOOLEAN, 
	PRIMARY KEY (id), 
	UNIQUE (identity)
);
INSERT INTO "runs" VALUES('04e5eb908889','04e5eb9088899911c832e962f92ff0d15a7cb4911644a54f9f2b528e0c43bdb9','selftest','none','{"kind":"selftest","study":"none","fingerprint":"0","parameters":{"steps":3},"seed":0,"version":1}','a finished run','done',1.0,'step 3 of 3',NULL,'{"chain":"1b9e55b661264546425884966787f635ce0f606624b23a6993e996e87a09228a","steps":3,"resumed_at":0}',NULL,1.79523630910639548294e+09,1.79523630911135721201e+09,1.79523630935779762263e+09,2,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('b94074a7d346','b94074a7d34654058611b379a69aa5e2fcb11e0dafe50a04d922431d47bdb45a','selftest','none','{"kind":"selftest","study":"none","fingerprint":"0","parameters":{"steps":3,"fail_at":2},"seed":0,"version":1}','','failed',6.66666666666666629659e-01,'step 2 of 3','Step 2 was told to fail; ask for a run without it.',NULL,'{"state":{"step":2},"sha256":"3395bc230ca6860d0c29470c88739850e911a2ec6b2b03950f811640f8eab800","fraction":0.6666666666666666,"message":"step 2 of 3","lengths":{"chain":2}}',1.79523630936387515065e+09,1.79523630937492561336e+09,1.79523630943387746804e+09,2,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX artifacts_by_content ON artifacts (sha256);
COMMIT;
