-- Whoever changes what answers are made of tells it at the commit, on the channel `courselens`:
-- {"course": key, "run": run_id}, {"roles": true}, or {"all": true}. As triggers, because programs of
-- the version before, and hands, write here too.

CREATE FUNCTION tell_course() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key text := coalesce(new.course_key, old.course_key);
BEGIN
    PERFORM pg_notify('courselens', CASE WHEN octet_length(key) <= 4000  -- a payload has 8,000 bytes
        THEN json_build_object('course', key, 'run', new.run_id) ELSE '{"all": true}' END::text);
    RETURN NULL;
END $$;

CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('courselens', json_build_object(tg_argv[0], true)::text);
    RETURN NULL;
END $$;

CREATE TRIGGER course_refreshed AFTER UPDATE OF run_id ON courses
    FOR EACH ROW WHEN (old.run_id IS DISTINCT FROM new.run_id) EXECUTE FUNCTION tell_course();
CREATE TRIGGER course_deleted AFTER DELETE ON courses
    FOR EACH ROW EXECUTE FUNCTION tell_course();
CREATE TRIGGER courses_emptied AFTER TRUNCATE ON courses
    FOR EACH STATEMENT EXECUTE FUNCTION tell('all');
CREATE TRIGGER course_roles_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON course_roles
    FOR EACH STATEMENT EXECUTE FUNCTION tell('roles');
CREATE TRIGGER global_staff_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON global_staff
    FOR EACH STATEMENT EXECUTE FUNCTION tell('roles');
