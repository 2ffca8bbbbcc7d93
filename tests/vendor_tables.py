"""SQL that turns the demo's tables into a vendor's words (BASE, OWN), and these into the vendor's own tables (VENDOR)."""

from __future__ import annotations

WORDS = {
    "hubspot": {
        "lead_id": "CAST(1000000 + CAST(substr({0}, 2) AS BIGINT) AS VARCHAR)",
        "account_id": "CAST(2000000 + CAST(substr({0}, 2) AS BIGINT) AS VARCHAR)",
        "event": "CASE WHEN event_type LIKE 'email%' THEN event_type ELSE 'form: ' || event_type END",
        "event_id": "CASE WHEN event_type LIKE 'email%' THEN 'email:' ELSE 'form:' END || event_id",
        "campaign": ", campaign",
        "statuses": "{'new': 'NEW', 'working': 'IN_PROGRESS', 'disqualified': 'UNQUALIFIED', 'qualified': 'OPEN_DEAL'}",
        "owner": "value",
    },
    "salesforce": {
        "lead_id": "'00Q' || substr({0}, 2)",
        "account_id": "lower({0}) || ' ltd'",
        "event": "'campaign: ' || event_type",
        "event_id": "event_id",
        "campaign": "",
        "statuses": "{'new': 'Open - Not Contacted', 'working': 'Working - Contacted', "
        "'disqualified': 'Closed - Not Converted', 'qualified': 'Closed - Converted'}",
        "owner": "'005' || value",
    },
}
for _words in WORDS.values():
    for _key in ("lead_id", "account_id"):
        _words[f"own_{_key}"] = _words[_key].format(_key)
    _words["from_id"], _words["into_id"] = (_words["lead_id"].format(key) for key in ("from_id", "into_id"))

BASE = """
CREATE TEMP TABLE person AS SELECT lead_id AS old_id, {own_lead_id} AS lead_id, {own_account_id} AS account_id, created_at,
  source AS lead_source{campaign}, job_title, country, hash(lead_id) % 10 AS part FROM leads_given;
-- Every tenth lead's title is edited ten days later, and every other tenth's country: what stands there now is wrong then.
CREATE TEMP TABLE edited AS
  SELECT lead_id, 'job_title' AS field, 'Edited ' || coalesce(job_title, 'Title') AS value, created_at + INTERVAL 10 DAY AS changed_at
  FROM person WHERE part = 0
  UNION ALL SELECT lead_id, 'country', 'XX', created_at + INTERVAL 20 DAY FROM person WHERE part = 1;
CREATE TABLE leads AS SELECT * EXCLUDE (old_id, part) REPLACE (
    CASE WHEN part = 0 THEN 'Edited ' || coalesce(job_title, 'Title') ELSE job_title END AS job_title,
    CASE WHEN part = 1 THEN 'XX' ELSE country END AS country) FROM person;
CREATE TABLE accounts AS SELECT {own_account_id} AS account_id, TIMESTAMPTZ '2000-01-01 00:00:00+00' AS created_at,
  industry, CAST(employees AS DOUBLE) AS employees, region AS country FROM accounts_given;
CREATE TABLE events AS SELECT DISTINCT {event_id} AS event_id, {own_lead_id} AS lead_id, {event} AS event_type, occurred_at
  FROM events_given WHERE event_type <> 'sales_call';
CREATE TABLE touches AS SELECT DISTINCT {own_lead_id} AS lead_id, occurred_at AS touched_at, 'call' AS kind
  FROM events_given WHERE event_type = 'sales_call';
CREATE TABLE opportunities AS SELECT o.opportunity_id, p.lead_id, p.account_id, o.created_at, o.closed_at, o.amount,
  o.stage FROM opportunities_given AS o JOIN person AS p ON p.old_id = o.lead_id;
CREATE TABLE history AS
  SELECT lead_id, 'job_title' AS field, job_title AS value, created_at AS changed_at FROM person
  UNION ALL SELECT lead_id, 'country', country, created_at FROM person UNION ALL SELECT * FROM edited
  UNION ALL SELECT {own_lead_id}, field, CASE WHEN field = 'owner' THEN {owner} ELSE MAP {statuses}[value] END, changed_at
  FROM history_given WHERE field IN ('owner', 'lead_status') AND (field = 'owner' OR MAP {statuses}[value] IS NOT NULL);
CREATE TABLE merges AS SELECT {from_id} AS from_id, {into_id} AS into_id, date_trunc('milliseconds', merged_at) AS merged_at
  FROM merges_given;
"""

OWN = {
    "hubspot": """
CREATE TABLE stages AS
  SELECT lead_id, 'lead' AS stage, created_at AS changed_at FROM person
  UNION ALL SELECT p.lead_id, MAP {'mql': 'marketingqualifiedlead', 'sql': 'salesqualifiedlead', 'opportunity': 'opportunity',
    'closed_won': 'customer', 'closed_lost': 'lost', 'disqualified': 'unqualified'}[s.stage], s.changed_at
  FROM stages_given AS s JOIN person AS p ON p.old_id = s.lead_id;
UPDATE opportunities SET opportunity_id = CAST(3000000 + CAST(substr(opportunity_id, 2) AS BIGINT) AS VARCHAR),
  stage = MAP {'open': 'open', 'closed_won': 'closedwon', 'closed_lost': 'closedlost'}[stage];
INSERT INTO history SELECT lead_id, 'account_id', account_id, created_at FROM person WHERE account_id IS NOT NULL;
INSERT INTO stages SELECT lead_id, lower(value), changed_at FROM history WHERE field = 'lead_status' AND value IN ('NEW', 'IN_PROGRESS');
""",
    "salesforce": """
CREATE TABLE stages AS
  SELECT lead_id, 'Open - Not Contacted' AS stage, created_at AS changed_at FROM person
  UNION ALL SELECT p.lead_id, MAP {'mql': 'Working - Contacted', 'sql': 'Converted', 'disqualified': 'Closed - Not Converted'}[s.stage],
    s.changed_at
  FROM stages_given AS s JOIN person AS p ON p.old_id = s.lead_id WHERE s.stage IN ('mql', 'sql', 'disqualified')
  UNION ALL SELECT p.lead_id, 'Closed - Converted', s.changed_at
  FROM stages_given AS s JOIN person AS p ON p.old_id = s.lead_id WHERE s.stage = 'sql';
UPDATE opportunities SET opportunity_id = '006' || substr(opportunity_id, 2),
  stage = MAP {'open': 'Open', 'closed_won': 'Closed Won', 'closed_lost': 'Closed Lost'}[stage];
""",
}

VENDOR = {
    "hubspot": """
CREATE TABLE contact AS
  SELECT CAST(l.lead_id AS BIGINT) AS id, m.from_id IS NOT NULL AS _fivetran_deleted, l.created_at AS property_createdate,
    CAST(l.account_id AS BIGINT) AS property_associatedcompanyid, l.lead_source AS property_hs_analytics_source,
    l.campaign AS property_hs_analytics_source_data_1, l.job_title AS property_jobtitle, l.country AS property_country,
    'Person' || l.lead_id || '@Example.com' AS property_email, 'customer' AS property_lifecyclestage, v.vids AS property_hs_calculated_merged_vids
  FROM leads_given AS l LEFT JOIN merges_given AS m ON m.from_id = l.lead_id
  LEFT JOIN (SELECT into_id, string_agg(from_id || ':' || epoch_ms(merged_at), ';') AS vids FROM merges_given GROUP BY into_id) AS v
    ON v.into_id = l.lead_id
  -- Deleted, and never merged: they and all their rows count for nothing.
  UNION ALL SELECT 9000000 + CAST(lead_id AS BIGINT), true, created_at, CAST(account_id AS BIGINT), 'DECOY', NULL, 'CEO', 'ZZ',
    'gone' || lead_id || '@example.com', 'customer', NULL FROM leads_given;
CREATE TABLE contact_property_history AS
  SELECT CAST(lead_id AS BIGINT) AS contact_id, 'lifecyclestage' AS name, stage AS value, changed_at AS timestamp, 'CRM_UI' AS source
  FROM stages_given WHERE stage NOT IN ('unqualified', 'new', 'in_progress')
  UNION ALL SELECT CAST(lead_id AS BIGINT), MAP {'job_title': 'jobtitle', 'country': 'country', 'account_id': 'associatedcompanyid',
    'owner': 'hubspot_owner_id', 'lead_status': 'hs_lead_status'}[field], value, changed_at, 'IMPORT' FROM history_given
  UNION ALL SELECT CAST(lead_id AS BIGINT), 'firstname', 'Ann', created_at, 'IMPORT' FROM leads_given
  UNION ALL SELECT CAST(lead_id AS BIGINT), 'lifecyclestage', '', created_at, 'IMPORT' FROM leads_given
  UNION ALL SELECT 9000000 + CAST(lead_id AS BIGINT), 'lifecyclestage', stage, changed_at, 'CRM_UI' FROM stages_given WHERE stage NOT IN ('unqualified', 'new', 'in_progress');
CREATE TABLE company AS
  SELECT CAST(account_id AS BIGINT) AS id, false AS is_deleted, created_at AS property_createdate, industry AS property_industry,
    employees AS property_numberofemployees, country AS property_country FROM accounts_given
  UNION ALL SELECT CAST(account_id AS BIGINT) + 5000000, true, created_at, 'decoy', 1, 'ZZ' FROM accounts_given;
CREATE TABLE email_event AS
  SELECT substr(event_id, 7) AS id, upper(substr(event_type, 7)) AS type, 'person' || lead_id || '@example.COM ' AS recipient, occurred_at AS created,
    false AS filtered_event FROM events_given WHERE event_type LIKE 'email%'
  UNION ALL SELECT 'sent-' || event_id, 'SENT', 'person' || lead_id || '@example.com', occurred_at, false
  FROM events_given WHERE event_type LIKE 'email%'
  UNION ALL SELECT 'bot-' || event_id, 'CLICK', 'person' || lead_id || '@example.com', occurred_at, true
  FROM events_given WHERE event_type = 'email_open'
  UNION ALL SELECT 'gone-' || event_id, 'CLICK', 'gone' || lead_id || '@example.com', occurred_at, false
  FROM events_given WHERE event_type = 'email_open';
CREATE TABLE form AS SELECT DISTINCT md5(event_type) AS guid, substr(event_type, 7) AS name FROM events_given WHERE event_type LIKE 'form%';
CREATE TABLE contact_form_submission AS
  SELECT CAST(lead_id AS BIGINT) AS contact_id, substr(event_id, 6) AS conversion_id, md5(event_type) AS form_id, 'A page' AS title,
    occurred_at AS timestamp FROM events_given WHERE event_type LIKE 'form%'
  UNION ALL SELECT 9000000 + CAST(lead_id AS BIGINT), 'gone-' || event_id, md5(event_type), 'A page', occurred_at
  FROM events_given WHERE event_type LIKE 'form%';
CREATE TABLE deal AS
  SELECT CAST(opportunity_id AS BIGINT) AS deal_id, false AS is_deleted, created_at AS property_createdate, amount AS property_amount,
    coalesce(closed_at - INTERVAL 9 DAY, created_at + INTERVAL 40 DAY) AS property_closedate,
    MAP {'open': '11', 'closedwon': '12', 'closedlost': '13'}[stage] AS deal_pipeline_stage_id FROM opportunities_given
  UNION ALL SELECT 6000000 + CAST(opportunity_id AS BIGINT), true, created_at - INTERVAL 20 DAY, 1.0, created_at, '12' FROM opportunities_given;
CREATE TABLE deal_stage AS
  SELECT CAST(opportunity_id AS BIGINT) AS deal_id, '11' AS value, created_at AS date_entered FROM opportunities_given
  UNION ALL SELECT CAST(opportunity_id AS BIGINT), MAP {'closedwon': '12', 'closedlost': '13'}[stage], closed_at
  FROM opportunities_given WHERE closed_at IS NOT NULL;
CREATE TABLE deal_pipeline_stage AS
  SELECT * FROM (VALUES ('11', false, 0.4, 'Demo'), ('12', true, 1.0, 'Signed'), ('13', false, 0.0, 'No')) AS v(stage_id, closed_won, probability, label);
CREATE TABLE deal_company AS
  SELECT CAST(opportunity_id AS BIGINT) AS deal_id, CAST(account_id AS BIGINT) AS company_id FROM opportunities_given WHERE account_id IS NOT NULL;
CREATE TABLE deal_contact AS
  SELECT CAST(opportunity_id AS BIGINT) AS deal_id, CAST(lead_id AS BIGINT) AS contact_id FROM opportunities_given
  -- Of a deal's contacts the earliest created counts: this one came last of all.
  UNION ALL SELECT CAST(o.opportunity_id AS BIGINT), CAST((SELECT arg_max(lead_id, created_at) FROM leads_given) AS BIGINT)
  FROM opportunities_given AS o;
CREATE TABLE aside_calls AS SELECT 7000000 + row_number() OVER (ORDER BY lead_id, touched_at) AS id, * FROM touches_given;
CREATE TABLE engagement AS SELECT id, 'CALL' AS type FROM aside_calls UNION ALL SELECT 1000000 + id, 'NOTE' FROM aside_calls
  UNION ALL SELECT 2000000 + id, 'EMAIL' FROM aside_calls;
CREATE TABLE engagement_contact AS SELECT id AS engagement_id, CAST(lead_id AS BIGINT) AS contact_id FROM aside_calls
  UNION ALL SELECT 1000000 + id, CAST(lead_id AS BIGINT) FROM aside_calls
  UNION ALL SELECT 2000000 + id, CAST(lead_id AS BIGINT) FROM aside_calls;
CREATE TABLE engagement_call AS SELECT id AS engagement_id, touched_at AS property_hs_timestamp, false AS _fivetran_deleted FROM aside_calls;
CREATE TABLE engagement_note AS SELECT 1000000 + id AS engagement_id, touched_at AS property_hs_timestamp FROM aside_calls;
CREATE TABLE engagement_email AS SELECT 2000000 + id AS engagement_id, touched_at AS property_hs_timestamp,
  'INCOMING_EMAIL' AS property_hs_email_direction FROM aside_calls;
""",
    "salesforce": """
CREATE TEMP TABLE turned AS SELECT lead_id, min(changed_at) AS turned_at, '003' || substr(lead_id, 4) AS contact_id
  FROM stages_given WHERE stage = 'Converted' GROUP BY lead_id;
CREATE TEMP TABLE made AS SELECT lead_id, min(opportunity_id) AS opportunity_id FROM opportunities_given
  WHERE CAST(substr(opportunity_id, 4) AS BIGINT) % 2 = 0 GROUP BY lead_id;
-- A few changes of a status come at one instant: they stand in the order of the ladder, and so do their ids.
CREATE TEMP TABLE steps AS SELECT lead_id, field, value, changed_at, lag(value) OVER line AS before, row_number() OVER line AS nth
  FROM history_given WINDOW line AS (PARTITION BY lead_id, field ORDER BY changed_at,
    CASE value WHEN 'Open - Not Contacted' THEN 0 WHEN 'Working - Contacted' THEN 1 ELSE 2 END);
CREATE TEMP TABLE newest AS SELECT lead_id, arg_max(value, nth) FILTER (field = 'owner') AS owner,
  arg_max(value, nth) FILTER (field = 'lead_status') AS status FROM steps GROUP BY lead_id;
CREATE TABLE lead AS
  SELECT l.lead_id AS id, m.from_id IS NOT NULL AS is_deleted, m.into_id AS master_record_id, l.created_at AS created_date,
    coalesce(m.merged_at, TIMESTAMPTZ '2026-01-01 00:00:00+00') AS system_modstamp, upper(l.account_id) || ' ' AS company, l.lead_source,
    l.job_title AS title, l.country, n.status, n.owner AS owner_id, t.turned_at IS NOT NULL AS is_converted, CAST(t.turned_at AS DATE) AS converted_date,
    t.contact_id AS converted_contact_id, d.opportunity_id AS converted_opportunity_id
  FROM leads_given AS l JOIN newest AS n USING (lead_id) LEFT JOIN turned AS t USING (lead_id) LEFT JOIN made AS d USING (lead_id)
  LEFT JOIN merges_given AS m ON m.from_id = l.lead_id
  UNION ALL SELECT '00Q9' || substr(lead_id, 5), true, NULL, created_at, created_at, upper(account_id), 'Decoy', 'CEO', 'ZZ', 'Closed - Converted',
    '005x', true, CAST(created_at AS DATE), NULL, NULL FROM leads_given;
CREATE TEMP TABLE lines AS
  SELECT lead_id, MAP {'job_title': 'Title', 'country': 'Country', 'owner': 'Owner', 'lead_status': 'Status'}[field] AS field,
    before AS old_value, value AS new_value, changed_at AS created_date, nth FROM steps WHERE nth > 1
  -- Each change of the owner stands there a second time, by name.
  UNION ALL SELECT lead_id, 'Owner', 'Name ' || before, 'Name ' || value, changed_at, nth FROM steps WHERE nth > 1 AND field = 'owner'
  UNION ALL SELECT lead_id, 'leadConverted', NULL, NULL, turned_at, 0 FROM turned
  UNION ALL SELECT lead_id, 'created', NULL, NULL, created_at, 0 FROM leads_given
  -- A deleted lead's rows say since when Salesforce tracks these fields.
  UNION ALL SELECT '00Q900000', f, 'old', 'new', TIMESTAMPTZ '2000-01-01 00:00:00+00', 0 FROM (VALUES ('Title'), ('Country'), ('Status')) AS v(f)
  UNION ALL SELECT '00Q900000', 'Owner', '005x', '005y', TIMESTAMPTZ '2000-01-01 00:00:00+00', 0
  UNION ALL SELECT '00Q9' || substr(lead_id, 5), 'leadConverted', NULL, NULL, turned_at, 0 FROM turned;
CREATE TABLE lead_history AS SELECT '017' || (1000000 + row_number() OVER (ORDER BY lead_id, created_date, field, nth, new_value)) AS id, * EXCLUDE (nth), false AS is_deleted FROM lines;
CREATE TABLE contact AS SELECT contact_id AS id, false AS is_deleted, 'Ann' AS first_name FROM turned
  UNION ALL SELECT '003x' || lead_id, false, 'Bob' FROM leads_given;
CREATE TABLE account AS
  SELECT '001' || account_id AS id, false AS is_deleted, created_at AS created_date, upper(account_id) AS name, industry,
    employees AS number_of_employees, country AS billing_country FROM accounts_given
  -- Of two accounts of a name the earlier counts, and a deleted one never.
  UNION ALL SELECT '001z' || account_id, false, created_at + INTERVAL 1 DAY, account_id, 'decoy', 1, 'ZZ' FROM accounts_given
  UNION ALL SELECT '001y' || account_id, true, created_at - INTERVAL 1 DAY, account_id, 'decoy', 1, 'ZZ' FROM accounts_given;
CREATE TEMP TABLE answers AS SELECT e.*, t.contact_id, coalesce(e.occurred_at >= t.turned_at, false) AS is_late,
  row_number() OVER (PARTITION BY e.lead_id, e.event_type ORDER BY e.occurred_at, e.event_id) AS nth
  FROM events_given AS e LEFT JOIN turned AS t USING (lead_id);
CREATE TABLE campaign AS SELECT DISTINCT '701' || md5(event_type || nth) AS id, substr(event_type, 11) AS type, 'Campaign ' || nth AS name FROM answers;
CREATE TABLE campaign_member AS
  SELECT event_id AS id, false AS is_deleted, '701' || md5(event_type || nth) AS campaign_id, CASE WHEN is_late THEN NULL ELSE lead_id END AS lead_id,
    contact_id, true AS has_responded, CAST(occurred_at AS DATE) AS first_responded_date, occurred_at AS created_date FROM answers
  UNION ALL SELECT 'd' || event_id, true, '701' || md5(event_type || nth), lead_id, NULL, true, CAST(occurred_at AS DATE), occurred_at FROM answers
  UNION ALL SELECT 's' || event_id, false, '701' || md5(event_type || nth), lead_id, NULL, false, NULL, occurred_at FROM answers;
CREATE TABLE opportunity AS
  SELECT opportunity_id AS id, false AS is_deleted, '001' || account_id AS account_id, created_at AS created_date, amount,
    CAST(coalesce(closed_at - INTERVAL 9 DAY, created_at + INTERVAL 40 DAY) AS DATE) AS close_date, stage <> 'Open' AS is_closed,
    stage = 'Closed Won' AS is_won, MAP {'Open': 'Proposal', 'Closed Won': 'Signed', 'Closed Lost': 'No'}[stage] AS stage_name FROM opportunities_given
  UNION ALL SELECT '006d' || opportunity_id, true, NULL, created_at - INTERVAL 20 DAY, 1, CAST(created_at AS DATE), true, true, 'Signed' FROM opportunities_given;
CREATE TABLE opportunity_history AS
  SELECT opportunity_id, 'Proposal' AS stage_name, created_at AS created_date, false AS is_deleted FROM opportunities_given
  UNION ALL SELECT opportunity_id, MAP {'Closed Won': 'Signed', 'Closed Lost': 'No'}[stage], closed_at, false FROM opportunities_given WHERE closed_at IS NOT NULL
  UNION ALL SELECT opportunity_id, MAP {'Closed Won': 'Signed', 'Closed Lost': 'No'}[stage], closed_at + INTERVAL 3 DAY, false
  FROM opportunities_given WHERE closed_at IS NOT NULL;
CREATE TABLE opportunity_contact_role AS
  SELECT o.opportunity_id, t.contact_id, true AS is_primary, false AS is_deleted FROM opportunities_given AS o JOIN turned AS t USING (lead_id)
  UNION ALL SELECT o.opportunity_id, (SELECT min(contact_id) FROM turned), false, false FROM opportunities_given AS o;
CREATE TABLE task AS SELECT coalesce(t.contact_id, c.lead_id) AS who_id, false AS is_deleted, 'Call' AS task_subtype, 'Completed' AS status,
  true AS is_closed, touched_at AS completed_date_time, touched_at - INTERVAL 1 DAY AS created_date
  FROM touches_given AS c LEFT JOIN turned AS t USING (lead_id)
  UNION ALL SELECT lead_id, false, 'Task', 'Not Started', false, NULL, touched_at FROM touches_given
  UNION ALL SELECT lead_id, false, 'ListEmail', 'Completed', true, touched_at, touched_at FROM touches_given;
""",
}
"""A vendor's tables, made of `base`: what names a decoy must count for nothing."""
