CREATE TABLE analysis (
	id INTEGER NOT NULL, 
	issue_id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	analyst VARCHAR NOT NULL, 
	root_cause VARCHAR NOT NULL, 
	cause VARCHAR(11) NOT NULL, 
	next_step VARCHAR NOT NULL, 
	severity VARCHAR(8) NOT NULL, 
	impact VARCHAR(6) NOT NULL, 
	confidence FLOAT NOT NULL, 
	simplicity FLOAT NOT NULL, 
	pattern VARCHAR NOT NULL, 
	culprit VARCHAR NOT NULL, 
	evidence JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(issue_id) REFERENCES issue (id)
);
CREATE TABLE approval (
	id INTEGER NOT NULL, 
	issue_id INTEGER NOT NULL, 
	change_set_id INTEGER NOT NULL, 
	workflow_id VARCHAR NOT NULL, 
	patch_hash VARCHAR NOT NULL, 
	asks VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	"by" VARCHAR, 
	reason VARCHAR NOT NULL, 
	asked_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	answered_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(issue_id) REFERENCES issue (id), 
	FOREIGN KEY(change_set_id) REFERENCES changeset (id)
);
CREATE TABLE auditrow (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	detail JSON NOT NULL, 
	"key" VARCHAR, 
	previous VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
CREATE TABLE changeset (
	id INTEGER NOT NULL, 
	issue_id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	generator VARCHAR NOT NULL, 
	template VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	rationale VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	branch VARCHAR NOT NULL, 
	base_sha VARCHAR NOT NULL, 
	head_sha VARCHAR NOT NULL, 
	patch VARCHAR NOT NULL, 
	patch_hash VARCHAR NOT NULL, 
	test_path VARCHAR NOT NULL, 
	test_code VARCHAR NOT NULL, 
	confidence FLOAT NOT NULL, 
	proof JSON NOT NULL, 
	pull_number INTEGER, 
	pull_url VARCHAR NOT NULL, 
	tokens INTEGER NOT NULL, 
	cost_usd FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	note VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (issue_id, run, attempt), 
	FOREIGN KEY(issue_id) REFERENCES issue (id)
);
CREATE TABLE connector (
	name VARCHAR NOT NULL, 
	cursor VARCHAR, 
	last_attempt DATETIME, 
	last_success DATETIME, 
	lag_seconds FLOAT, 
	records INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	error VARCHAR, 
	open_until DATETIME, 
	PRIMARY KEY (name)
);
CREATE TABLE decision (
	id INTEGER NOT NULL, 
	issue_id INTEGER NOT NULL, 
	analysis_id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	verdict VARCHAR(20) NOT NULL, 
	confidence FLOAT NOT NULL, 
	"row" INTEGER NOT NULL, 
	needs_approval BOOLEAN NOT NULL, 
	receipt JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(issue_id) REFERENCES issue (id), 
	FOREIGN KEY(analysis_id) REFERENCES analysis (id)
);
CREATE TABLE deployment (
	id INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	issue_id INTEGER NOT NULL, 
	change_set_id INTEGER NOT NULL, 
	repository VARCHAR NOT NULL, 
	environment VARCHAR NOT NULL, 
	sha VARCHAR NOT NULL, 
	vendor_id VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	previous_vendor_id VARCHAR NOT NULL, 
	automatic BOOLEAN NOT NULL, 
	status VARCHAR NOT NULL, 
	note VARCHAR NOT NULL, 
	"before" JSON NOT NULL, 
	"after" JSON NOT NULL, 
	started_at DATETIME NOT NULL, 
	ready_at DATETIME, 
	ended_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE ("key"), 
	FOREIGN KEY(issue_id) REFERENCES issue (id), 
	FOREIGN KEY(change_set_id) REFERENCES changeset (id)
);
CREATE TABLE issue (
	id INTEGER NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	because VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	kind VARCHAR(9) NOT NULL, 
	service VARCHAR NOT NULL, 
	environment VARCHAR NOT NULL, 
	release VARCHAR, 
	pattern VARCHAR NOT NULL, 
	status VARCHAR(17) NOT NULL, 
	severity VARCHAR(8), 
	impact VARCHAR(6), 
	cause VARCHAR(11), 
	confidence FLOAT, 
	verdict VARCHAR(20), 
	reason VARCHAR NOT NULL, 
	run INTEGER NOT NULL, 
	occurrences INTEGER NOT NULL, 
	users INTEGER NOT NULL, 
	assignee VARCHAR, 
	first_seen DATETIME NOT NULL, 
	last_seen DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	resolution VARCHAR, 
	scheduled_for DATETIME, 
	PRIMARY KEY (id)
);
CREATE TABLE metric (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	service VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	value FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (source, service, name, at)
);
CREATE TABLE migration (
	name VARCHAR NOT NULL, 
	applied_at DATETIME NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE notification (
	id INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	channel VARCHAR NOT NULL, 
	event VARCHAR NOT NULL, 
	issue_id INTEGER, 
	subject VARCHAR NOT NULL, 
	body VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	repeats INTEGER NOT NULL, 
	error VARCHAR, 
	created_at DATETIME NOT NULL, 
	sent_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
CREATE TABLE outcome (
	id INTEGER NOT NULL, 
	issue_id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	pattern VARCHAR NOT NULL, 
	service VARCHAR NOT NULL, 
	result VARCHAR NOT NULL, 
	"by" VARCHAR NOT NULL, 
	note VARCHAR NOT NULL, 
	confidence FLOAT, 
	detect_seconds FLOAT, 
	total_seconds FLOAT, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (issue_id, run), 
	FOREIGN KEY(issue_id) REFERENCES issue (id)
);
CREATE TABLE review (
	id INTEGER NOT NULL, 
	change_set_id INTEGER NOT NULL, 
	passed BOOLEAN NOT NULL, 
	gates JSON NOT NULL, 
	findings JSON NOT NULL, 
	seconds FLOAT NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(change_set_id) REFERENCES changeset (id)
);
CREATE TABLE round (
	id INTEGER NOT NULL, 
	slot VARCHAR NOT NULL, 
	worker VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	result VARCHAR NOT NULL, 
	records INTEGER NOT NULL, 
	issues INTEGER NOT NULL, 
	detail JSON NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (slot)
);
CREATE TABLE signal (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	vendor_id VARCHAR NOT NULL, 
	kind VARCHAR(9) NOT NULL, 
	service VARCHAR NOT NULL, 
	environment VARCHAR NOT NULL, 
	release VARCHAR, 
	level VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	message VARCHAR NOT NULL, 
	count INTEGER NOT NULL, 
	users INTEGER NOT NULL, 
	url VARCHAR NOT NULL, 
	crash JSON, 
	attributes JSON NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	issue_id INTEGER, 
	set_aside VARCHAR, 
	at DATETIME NOT NULL, 
	received_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (source, vendor_id), 
	FOREIGN KEY(issue_id) REFERENCES issue (id)
);
CREATE TABLE stagerun (
	id INTEGER NOT NULL, 
	issue_id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	stage VARCHAR(7) NOT NULL, 
	attempt INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	result VARCHAR NOT NULL, 
	says VARCHAR NOT NULL, 
	detail JSON NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (issue_id, run, stage, attempt), 
	FOREIGN KEY(issue_id) REFERENCES issue (id)
);
CREATE TABLE testrun (
	id INTEGER NOT NULL, 
	change_set_id INTEGER NOT NULL, 
	command VARCHAR NOT NULL, 
	passed BOOLEAN NOT NULL, 
	tests INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	runner VARCHAR NOT NULL, 
	output VARCHAR NOT NULL, 
	seconds FLOAT NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(change_set_id) REFERENCES changeset (id)
);
CREATE TABLE worker (
	executor_id VARCHAR NOT NULL, 
	host VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	role VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (executor_id)
);
CREATE INDEX ix_analysis_issue_id ON analysis (issue_id);
CREATE INDEX ix_approval_issue_id ON approval (issue_id);
CREATE INDEX ix_approval_state ON approval (state);
CREATE INDEX ix_auditrow_at ON auditrow (at);
CREATE INDEX ix_changeset_created_at ON changeset (created_at);
CREATE INDEX ix_changeset_issue_id ON changeset (issue_id);
CREATE INDEX ix_changeset_patch_hash ON changeset (patch_hash);
CREATE INDEX ix_decision_created_at ON decision (created_at);
CREATE INDEX ix_decision_issue_id ON decision (issue_id);
CREATE INDEX ix_deployment_issue_id ON deployment (issue_id);
CREATE INDEX ix_deployment_started_at ON deployment (started_at);
CREATE INDEX ix_issue_created_at ON issue (created_at);
CREATE INDEX ix_issue_ended_at ON issue (ended_at);
CREATE INDEX ix_issue_fingerprint ON issue (fingerprint);
CREATE INDEX ix_issue_first_seen ON issue (first_seen);
CREATE INDEX ix_issue_last_seen ON issue (last_seen);
CREATE INDEX ix_issue_pattern ON issue (pattern);
CREATE INDEX ix_issue_service ON issue (service);
CREATE INDEX ix_issue_status ON issue (status);
CREATE INDEX ix_metric_at ON metric (at);
CREATE INDEX ix_notification_created_at ON notification (created_at);
CREATE INDEX ix_notification_state ON notification (state);
CREATE INDEX ix_outcome_created_at ON outcome (created_at);
CREATE INDEX ix_outcome_issue_id ON outcome (issue_id);
CREATE INDEX ix_outcome_pattern ON outcome (pattern);
CREATE INDEX ix_outcome_result ON outcome (result);
CREATE INDEX ix_review_change_set_id ON review (change_set_id);
CREATE INDEX ix_round_started_at ON round (started_at);
CREATE INDEX ix_signal_fingerprint ON signal (fingerprint);
CREATE INDEX ix_signal_issue_at ON signal (issue_id, at);
CREATE INDEX ix_signal_received_at ON signal (received_at);
CREATE INDEX ix_signal_service_at ON signal (service, at);
CREATE INDEX ix_stagerun_issue_id ON stagerun (issue_id);
CREATE INDEX ix_stagerun_started_at ON stagerun (started_at);
CREATE INDEX ix_testrun_change_set_id ON testrun (change_set_id);
