DROP TABLE run_sign_offs;
DROP FUNCTION guard_sign_off();
DROP TABLE idempotency_keys;
DROP FUNCTION tieout_find_api_key(text);
DROP TABLE api_keys;
DROP FUNCTION guard_api_key();
