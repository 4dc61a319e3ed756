-- 95_grants.sql
--
-- Roles get views and entry functions only.  Rows are decided by the views,
-- rights by the functions; what they refuse has a code and says what to do.

REVOKE ALL ON SCHEMA internal FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA internal FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA internal FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA internal FROM PUBLIC;

GRANT USAGE ON SCHEMA catalog TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA catalog TO PUBLIC;
