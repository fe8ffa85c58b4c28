DROP FUNCTION audit_log_make_months();
DROP FUNCTION audit_log_make_month(date);
