-- 75_clocks.sql
--
-- The clocks of the workers, for catalog.diagnose_scaleout().

-- The doctor judges by the same limit (worker_agent/doctor_master.c, CLOCK_LIMIT_S).
CREATE FUNCTION internal.diagnose_clocks() RETURNS SETOF internal.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most CONSTANT bigint := 60000;
	worker record;
	good record;
BEGIN
	FOR worker IN
		SELECT w.agent_id, w.machine_name, abs(w.clock_difference_ms) AS difference, w.clock_difference_ms > 0 AS ahead
		  FROM internal.worker_agent w
		 WHERE abs(w.clock_difference_ms) > most AND internal.worker_is_online(w.last_online_time)
		 ORDER BY abs(w.clock_difference_ms) DESC LIMIT 200
	LOOP
		RETURN NEXT internal.finding('clock', 'warning',
			format('The clock of worker %s is %s s %s the clock of this server, where it is %s. Nothing is decided by it, but times in its logs and messages are wrong, and it may refuse the master''s next certificate.',
				internal.worker_label(worker.agent_id), round(worker.difference / 1000.0), CASE WHEN worker.ahead THEN 'ahead of' ELSE 'behind' END, clock_timestamp()::timestamptz(0)),
			format('As root on %s run timedatectl set-ntp true, or chronyc makestep; if the time there is right, do it on this server.', internal.shell_word(worker.machine_name)));
	END LOOP;
	SELECT count(*) AS n, round(max(abs(w.clock_difference_ms)) / 1000.0) AS difference INTO good
	  FROM internal.worker_agent w
	 WHERE abs(w.clock_difference_ms) <= most AND internal.worker_is_online(w.last_online_time);
	IF good.n > 0 THEN
		RETURN NEXT internal.finding('clock', 'ok', format('The clocks of %s workers and of this server differ by at most %s s.', good.n, good.difference));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_clocks() IS 'Part of diagnose_scaleout: the time of the workers against the time of this server';
