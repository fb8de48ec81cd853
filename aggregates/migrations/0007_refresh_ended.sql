-- A refresh that has ended is told too, also where it left the numbers as they were:
-- {"ended": course_key}. It changes no answer, but somebody may wait for it.

CREATE FUNCTION tell_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text := json_build_object('ended', new.subject)::text;
BEGIN
    IF octet_length(told) < 8000 THEN  -- all that a payload holds; who follows looks by itself, too
        PERFORM pg_notify('courselens', told);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER refresh_ended AFTER UPDATE OF state ON work
    FOR EACH ROW WHEN (new.kind = 'refresh_course' AND old.state = 'running'
        AND new.state IN ('done', 'failed', 'parked'))
    EXECUTE FUNCTION tell_ended();
