-- Lots: trades as facts, and what is computed from them: allocations by version, open lots, the log, reviews.
-- The facts outlive `migrate down`, so they may be here already. Ids and symbols are ordered by code point.

DO $$
BEGIN
  IF to_regclass('public.trade_imports') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE trade_imports (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
    import_id uuid NOT NULL,
    kind text NOT NULL,
    file_name text NOT NULL,
    file_digest text NOT NULL,
    -- The columns of a CSV file in its own order and names, in which payloads are read; null for NDJSON.
    header text[],
    -- Rows of the file, also those that were there already.
    row_count bigint NOT NULL,
    imported_at timestamptz NOT NULL,
    imported_by text NOT NULL,
    PRIMARY KEY (tenant_id, import_id),
    CONSTRAINT imports_have_a_known_kind
      CHECK (kind IN ('trades', 'splits', 'transfers', 'balances', 'historical_pnl'))
  );

  -- One row a fill. A correction or cancellation is a row that names the one it replaces.
  CREATE TABLE trade_records (
    tenant_id uuid NOT NULL,
    -- Ascending in the order of arrival, per tenant: what a computation has seen is everything up to a number.
    trade_seq bigint NOT NULL,
    import_id uuid NOT NULL,
    import_line bigint NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    symbol text COLLATE "C",
    side text,
    size numeric,
    price numeric,
    fee numeric,
    fee_currency text,
    executed_at timestamptz,
    -- What of the instant lies below the microsecond.
    executed_ns smallint,
    placed_at timestamptz,
    placed_ns smallint,
    account text,
    strategy text,
    venue_sequence numeric(40),
    lot_ids text[],
    bracket text,
    replaces text COLLATE "C",
    -- What an older system had stored with the trade as if it were a fact.
    parent_id text,
    pnl_usd numeric,
    payload text NOT NULL,
    row_digest text NOT NULL,
    CONSTRAINT trades_have_one_order_id PRIMARY KEY (tenant_id, order_id),
    CONSTRAINT trades_arrive_one_by_one UNIQUE (tenant_id, trade_seq),
    CONSTRAINT trades_come_from_an_import
      FOREIGN KEY (tenant_id, import_id) REFERENCES trade_imports (tenant_id, import_id),
    CONSTRAINT corrections_replace_a_trade
      FOREIGN KEY (tenant_id, replaces) REFERENCES trade_records (tenant_id, order_id) ON DELETE RESTRICT,
    CONSTRAINT corrections_replace_another_trade CHECK (replaces <> order_id),
    CONSTRAINT trades_buy_or_sell CHECK (side IN ('buy', 'sell')),
    CONSTRAINT trades_have_a_size CHECK (size > 0 AND size < 'Infinity'),
    CONSTRAINT trades_have_no_negative_price CHECK (price >= 0 AND price < 'Infinity'),
    CONSTRAINT trades_have_a_finite_fee CHECK (fee > '-Infinity' AND fee < 'Infinity'),
    CONSTRAINT trades_have_nanoseconds CHECK (executed_ns BETWEEN 0 AND 999 AND placed_ns BETWEEN 0 AND 999),
    -- A row without a size is a cancellation: it replaces another and says nothing else.
    CONSTRAINT trades_are_whole_or_cancel_another CHECK (
      CASE WHEN size IS NULL
        THEN replaces IS NOT NULL AND num_nonnulls(symbol, side, price, fee, executed_at, executed_ns) = 0
        ELSE num_nulls(symbol, side, price, fee, executed_at, executed_ns) = 0
      END
    )
  );
  CREATE INDEX ix_trade_records_symbol ON trade_records (tenant_id, symbol, executed_at);
  CREATE UNIQUE INDEX trades_are_replaced_once ON trade_records (tenant_id, replaces) WHERE replaces IS NOT NULL;

  CREATE TABLE lot_splits (
    tenant_id uuid NOT NULL,
    trade_seq bigint NOT NULL,
    import_id uuid NOT NULL,
    import_line bigint NOT NULL,
    split_id text COLLATE "C" NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    numerator numeric NOT NULL,
    denominator numeric NOT NULL,
    effective_at timestamptz NOT NULL,
    effective_ns smallint NOT NULL,
    payload text NOT NULL,
    row_digest text NOT NULL,
    CONSTRAINT splits_have_one_id PRIMARY KEY (tenant_id, split_id),
    CONSTRAINT splits_come_from_an_import
      FOREIGN KEY (tenant_id, import_id) REFERENCES trade_imports (tenant_id, import_id),
    CONSTRAINT splits_have_a_ratio CHECK (numerator > 0 AND denominator > 0
      AND numerator = trunc(numerator) AND denominator = trunc(denominator)),
    CONSTRAINT splits_have_nanoseconds CHECK (effective_ns BETWEEN 0 AND 999)
  );

  CREATE TABLE lot_transfers (
    tenant_id uuid NOT NULL,
    trade_seq bigint NOT NULL,
    import_id uuid NOT NULL,
    import_line bigint NOT NULL,
    transfer_id text COLLATE "C" NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    size numeric NOT NULL,
    from_account text NOT NULL,
    to_account text NOT NULL,
    effective_at timestamptz NOT NULL,
    effective_ns smallint NOT NULL,
    payload text NOT NULL,
    row_digest text NOT NULL,
    CONSTRAINT transfers_have_one_id PRIMARY KEY (tenant_id, transfer_id),
    CONSTRAINT transfers_come_from_an_import
      FOREIGN KEY (tenant_id, import_id) REFERENCES trade_imports (tenant_id, import_id),
    CONSTRAINT transfers_have_a_size CHECK (size > 0 AND size < 'Infinity'),
    CONSTRAINT transfers_have_nanoseconds CHECK (effective_ns BETWEEN 0 AND 999)
  );

  -- What an account held at an instant, as somebody outside says.
  CREATE TABLE balance_anchors (
    tenant_id uuid NOT NULL,
    trade_seq bigint NOT NULL,
    import_id uuid NOT NULL,
    import_line bigint NOT NULL,
    balance_id text COLLATE "C" NOT NULL,
    account text NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    size numeric NOT NULL,
    as_of timestamptz NOT NULL,
    as_of_ns smallint NOT NULL,
    payload text NOT NULL,
    row_digest text NOT NULL,
    CONSTRAINT balances_have_one_id PRIMARY KEY (tenant_id, balance_id),
    CONSTRAINT balances_come_from_an_import
      FOREIGN KEY (tenant_id, import_id) REFERENCES trade_imports (tenant_id, import_id),
    CONSTRAINT balances_are_finite CHECK (size > '-Infinity' AND size < 'Infinity'),
    CONSTRAINT balances_have_nanoseconds CHECK (as_of_ns BETWEEN 0 AND 999)
  );

  PERFORM tieout_protect_tenant(t), tieout_append_only(t) FROM unnest(ARRAY[
    'trade_imports', 'trade_records', 'lot_splits', 'lot_transfers', 'balance_anchors']::regclass[]) AS t;
END
$$;

CREATE TABLE lot_versions (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  allocation_version integer NOT NULL,
  config jsonb NOT NULL,
  config_digest text NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (tenant_id, allocation_version),
  CONSTRAINT versions_count_from_one CHECK (allocation_version >= 1)
);
SELECT tieout_protect_tenant('lot_versions');
GRANT SELECT, INSERT ON lot_versions TO tieout_app;

-- By force a version takes another configuration; what it had before stays in the log and with its runs.
CREATE FUNCTION guard_lot_version() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'tieout_superseder'
    AND (NEW.tenant_id, NEW.allocation_version, NEW.created_at, NEW.created_by)
      IS NOT DISTINCT FROM (OLD.tenant_id, OLD.allocation_version, OLD.created_at, OLD.created_by)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'lot_versions refuses %: a version keeps what it was first computed with', TG_OP
    USING ERRCODE = '55000', HINT = 'Compute it with --force.';
END
$$;
CREATE TRIGGER versions_change_only_by_force BEFORE UPDATE OR DELETE ON lot_versions
  FOR EACH ROW EXECUTE FUNCTION guard_lot_version();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON lot_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- Every computation, also the failed and the partial one: begun in a transaction of its own, ended once.
CREATE TABLE fifo_computation_log (
  tenant_id uuid NOT NULL,
  computation_no bigint GENERATED ALWAYS AS IDENTITY,
  allocation_version integer NOT NULL,
  -- The run of this computation; rows name it as the batch that wrote them.
  batch_id uuid NOT NULL,
  mode text NOT NULL,
  status text NOT NULL DEFAULT 'in_progress',
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  duration_ms integer,
  computed_by text NOT NULL,
  trades_through bigint,
  symbols_done integer,
  symbols_failed integer,
  -- [{"symbol", "code", "message"}]
  failed_symbols jsonb NOT NULL DEFAULT '[]',
  trades bigint,
  allocations bigint,
  unmatched bigint,
  open_lots bigint,
  rows_written bigint,
  rows_superseded bigint,
  facts_digest text,
  config_digest text,
  result_digest text,
  error jsonb,
  CONSTRAINT computations_have_one_number PRIMARY KEY (tenant_id, computation_no),
  CONSTRAINT computations_have_a_batch_each UNIQUE (tenant_id, batch_id),
  CONSTRAINT computations_belong_to_a_version
    FOREIGN KEY (tenant_id, allocation_version) REFERENCES lot_versions (tenant_id, allocation_version),
  CONSTRAINT computations_belong_to_a_run
    FOREIGN KEY (tenant_id, batch_id) REFERENCES calculation_runs (tenant_id, id),
  CONSTRAINT computations_are_full_or_incremental CHECK (mode IN ('full', 'incremental')),
  CONSTRAINT computations_have_a_known_status CHECK (status IN ('in_progress', 'completed', 'partial', 'failed')),
  CONSTRAINT finished_computations_have_an_end CHECK ((status = 'in_progress') = (finished_at IS NULL)),
  CONSTRAINT failed_computations_say_why CHECK ((status = 'failed') = (error IS NOT NULL)),
  CONSTRAINT partial_computations_name_symbols CHECK ((status = 'partial') <= (failed_symbols <> '[]'))
);
CREATE INDEX ix_fifo_computation_log_version ON fifo_computation_log (tenant_id, allocation_version, computation_no);
SELECT tieout_protect_tenant('fifo_computation_log');
GRANT SELECT, INSERT, UPDATE ON fifo_computation_log TO tieout_app;

CREATE FUNCTION guard_computation_log() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.status <> 'in_progress'
    OR (NEW.tenant_id, NEW.computation_no, NEW.allocation_version, NEW.batch_id, NEW.mode, NEW.started_at, NEW.computed_by)
      IS DISTINCT FROM
       (OLD.tenant_id, OLD.computation_no, OLD.allocation_version, OLD.batch_id, OLD.mode, OLD.started_at, OLD.computed_by)
  THEN
    RAISE EXCEPTION 'fifo_computation_log refuses %: a computation ends once and stays as it was', TG_OP
      USING ERRCODE = '55000';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER computations_only_end BEFORE UPDATE OR DELETE ON fifo_computation_log
  FOR EACH ROW EXECUTE FUNCTION guard_computation_log();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON fifo_computation_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- A computation whose process died is marked by whoever marks its run.
CREATE FUNCTION log_failed_computation() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  UPDATE public.fifo_computation_log SET status = 'failed', finished_at = NEW.finished_at, error = NEW.error,
      duration_ms = NEW.calculation_duration_ms
    WHERE tenant_id = NEW.tenant_id AND batch_id = NEW.id AND status = 'in_progress';
  RETURN NULL;
END
$$;
CREATE TRIGGER failed_lots_are_logged AFTER UPDATE ON calculation_runs
  FOR EACH ROW WHEN (NEW.kind = 'lots' AND NEW.status = 'FAILED')
  EXECUTE FUNCTION log_failed_computation();

-- For tables whose rows are written by a batch: one check a statement, as for results of runs. That the version is
-- the batch's own is checked here as well, since a foreign key would look it up for every row.
CREATE FUNCTION refuse_unless_batch_in_progress() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wanted record;
  found_status text;
BEGIN
  FOR wanted IN EXECUTE format('SELECT DISTINCT tenant_id, allocation_version, %I AS batch_id FROM inserted', TG_ARGV[0]) LOOP
    SELECT status INTO found_status FROM public.calculation_runs r
      WHERE r.tenant_id = wanted.tenant_id AND r.id = wanted.batch_id AND r.kind = 'lots'
      FOR SHARE;
    IF found_status IS DISTINCT FROM 'IN_PROGRESS' THEN
      RAISE EXCEPTION '% refuses INSERT: batch % is %', TG_TABLE_NAME, wanted.batch_id, coalesce(found_status, 'not there')
        USING ERRCODE = '55000';
    END IF;
    IF NOT EXISTS (
      SELECT FROM public.fifo_computation_log c
      WHERE c.tenant_id = wanted.tenant_id AND c.batch_id = wanted.batch_id
        AND c.allocation_version = wanted.allocation_version)
    THEN
      RAISE EXCEPTION '% refuses INSERT: batch % computes no version %', TG_TABLE_NAME, wanted.batch_id,
        wanted.allocation_version USING ERRCODE = '55000';
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- The current rows of every version. Rows that end move to fifo_allocations_superseded, by tieout_superseder alone.
CREATE TABLE fifo_allocations (
  tenant_id uuid NOT NULL,
  allocation_version integer NOT NULL,
  symbol text COLLATE "C" NOT NULL,
  -- In the order in which the allocations of a symbol arise, from 1.
  allocation_no bigint NOT NULL,
  batch_id uuid NOT NULL,
  class text NOT NULL,
  lot_side text,
  sell_order_id text COLLATE "C" NOT NULL,
  buy_order_id text COLLATE "C",
  account text,
  strategy text,
  lot_account text,
  allocated_size numeric NOT NULL,
  buy_price numeric,
  sell_price numeric NOT NULL,
  buy_fee numeric,
  sell_fee numeric NOT NULL,
  cost_basis numeric,
  proceeds numeric NOT NULL,
  net_proceeds numeric NOT NULL,
  pnl numeric,
  pnl_usd numeric GENERATED ALWAYS AS (pnl) STORED,
  buy_executed_at timestamptz,
  buy_executed_ns smallint,
  sell_executed_at timestamptz NOT NULL,
  sell_executed_ns smallint NOT NULL,
  -- Across symbols and versions, in the order of writing.
  allocation_seq bigint GENERATED ALWAYS AS IDENTITY,
  CONSTRAINT allocations_have_one_place PRIMARY KEY (tenant_id, allocation_version, symbol, allocation_no),
  CONSTRAINT allocations_use_a_known_sell
    FOREIGN KEY (tenant_id, sell_order_id) REFERENCES trade_records (tenant_id, order_id) ON DELETE RESTRICT,
  CONSTRAINT allocations_use_a_known_buy
    FOREIGN KEY (tenant_id, buy_order_id) REFERENCES trade_records (tenant_id, order_id) ON DELETE RESTRICT,
  CONSTRAINT allocations_have_a_known_class CHECK (class IN ('matched', 'unmatched', 'dust', 'short')),
  CONSTRAINT allocations_of_lots_have_a_side CHECK ((class = 'unmatched') = (lot_side IS NULL)),
  CONSTRAINT lots_are_long_or_short CHECK (lot_side IN ('long', 'short')),
  CONSTRAINT unmatched_is_a_sell_without_a_buy CHECK (
    CASE WHEN class = 'unmatched'
      THEN num_nonnulls(buy_order_id, buy_price, buy_fee, cost_basis, pnl, buy_executed_at, buy_executed_ns) = 0
      ELSE num_nulls(buy_order_id, buy_price, buy_fee, cost_basis, pnl, buy_executed_at, buy_executed_ns) = 0
    END
  ),
  CONSTRAINT allocations_have_a_size CHECK (allocated_size > 0),
  CONSTRAINT net_is_proceeds_less_fee CHECK (net_proceeds = proceeds - sell_fee),
  CONSTRAINT pnl_is_net_less_cost CHECK (pnl = net_proceeds - cost_basis)
);
CREATE INDEX ix_fifo_allocations_unmatched ON fifo_allocations (tenant_id, allocation_version, symbol, allocation_no)
  WHERE class = 'unmatched';
CREATE INDEX ix_fifo_allocations_sell ON fifo_allocations (tenant_id, sell_order_id, allocation_version);
SELECT tieout_protect_tenant('fifo_allocations');
GRANT SELECT, INSERT ON fifo_allocations TO tieout_app;

CREATE FUNCTION refuse_unless_superseding() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_user = 'tieout_superseder' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = '55000',
    MESSAGE = format('%I refuses %s: rows end only by being superseded', TG_TABLE_NAME, TG_OP),
    HINT = 'Compute the version again.',
    TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER rows_end_by_being_superseded BEFORE UPDATE OR DELETE ON fifo_allocations
  FOR EACH ROW EXECUTE FUNCTION refuse_unless_superseding();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON fifo_allocations
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER rows_come_while_the_batch_is_in_progress AFTER INSERT ON fifo_allocations
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_batch_in_progress('batch_id');

CREATE TABLE fifo_allocations_superseded (
  tenant_id uuid NOT NULL,
  allocation_version integer NOT NULL,
  symbol text COLLATE "C" NOT NULL,
  allocation_no bigint NOT NULL,
  batch_id uuid NOT NULL,
  class text NOT NULL,
  lot_side text,
  sell_order_id text COLLATE "C" NOT NULL,
  buy_order_id text COLLATE "C",
  account text,
  strategy text,
  lot_account text,
  allocated_size numeric NOT NULL,
  buy_price numeric,
  sell_price numeric NOT NULL,
  buy_fee numeric,
  sell_fee numeric NOT NULL,
  cost_basis numeric,
  proceeds numeric NOT NULL,
  net_proceeds numeric NOT NULL,
  pnl numeric,
  pnl_usd numeric GENERATED ALWAYS AS (pnl) STORED,
  buy_executed_at timestamptz,
  buy_executed_ns smallint,
  sell_executed_at timestamptz NOT NULL,
  sell_executed_ns smallint NOT NULL,
  allocation_seq bigint NOT NULL,
  superseded_by uuid NOT NULL,
  CONSTRAINT superseded_allocations_have_one_place
    PRIMARY KEY (tenant_id, allocation_version, symbol, allocation_no, batch_id)
);
SELECT tieout_protect_tenant('fifo_allocations_superseded');
SELECT tieout_append_only('fifo_allocations_superseded');
REVOKE INSERT ON fifo_allocations_superseded FROM tieout_app;
CREATE TRIGGER rows_come_while_the_batch_is_in_progress AFTER INSERT ON fifo_allocations_superseded
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_batch_in_progress('superseded_by');

-- Where a computation of a symbol stood: what it needs, beside the open lots, to go on from there.
CREATE TABLE fifo_inventory_points (
  tenant_id uuid NOT NULL,
  allocation_version integer NOT NULL,
  symbol text COLLATE "C" NOT NULL,
  point_no integer NOT NULL,
  batch_id uuid NOT NULL,
  -- The last fact taken in, in the order of facts; all null before the first.
  through_at text,
  through_rank smallint,
  through_sequence numeric(40),
  through_id text,
  -- Facts that had arrived by then, as trade_seq.
  trades_through bigint NOT NULL,
  allocations bigint NOT NULL,
  open_lots integer NOT NULL,
  splits jsonb NOT NULL,
  chain text NOT NULL,
  pending text NOT NULL,
  -- Of all allocations and open lots up to here, where that was worked out: of the newest point always.
  digest text,
  CONSTRAINT points_have_one_number PRIMARY KEY (tenant_id, allocation_version, symbol, point_no),
  CONSTRAINT points_belong_to_a_version
    FOREIGN KEY (tenant_id, allocation_version) REFERENCES lot_versions (tenant_id, allocation_version) ON DELETE RESTRICT,
  CONSTRAINT points_are_whole CHECK (num_nonnulls(through_at, through_rank, through_id) IN (0, 3)),
  CONSTRAINT points_count_from_one CHECK (point_no >= 1 AND allocations >= 0 AND open_lots >= 0)
);

-- The open lots as of a point.
CREATE TABLE fifo_inventory_snapshot (
  tenant_id uuid NOT NULL,
  allocation_version integer NOT NULL,
  symbol text COLLATE "C" NOT NULL,
  point_no integer NOT NULL,
  position integer NOT NULL,
  -- Among the lots of one position, which are parts of one trade.
  part integer NOT NULL,
  pool text NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  account text,
  strategy text,
  side text NOT NULL,
  original_size numeric NOT NULL,
  remaining_size numeric NOT NULL,
  remaining_gross numeric NOT NULL,
  remaining_fee numeric NOT NULL,
  remaining_cost numeric NOT NULL,
  price numeric NOT NULL,
  original_cost numeric NOT NULL,
  opened_at text NOT NULL,
  opened_in text,
  gross_places integer NOT NULL,
  fee_places integer NOT NULL,
  even boolean NOT NULL,
  CONSTRAINT open_lots_have_one_place PRIMARY KEY (tenant_id, allocation_version, symbol, point_no, position, part),
  CONSTRAINT open_lots_belong_to_a_point
    FOREIGN KEY (tenant_id, allocation_version, symbol, point_no)
    REFERENCES fifo_inventory_points (tenant_id, allocation_version, symbol, point_no) ON DELETE RESTRICT,
  CONSTRAINT open_lots_are_opened_by_a_trade
    FOREIGN KEY (tenant_id, order_id) REFERENCES trade_records (tenant_id, order_id) ON DELETE RESTRICT,
  CONSTRAINT open_lots_are_long_or_short CHECK (side IN ('long', 'short')),
  CONSTRAINT open_lots_have_a_size CHECK (remaining_size > 0)
);
SELECT tieout_protect_tenant(t) FROM unnest(ARRAY['fifo_inventory_points', 'fifo_inventory_snapshot']::regclass[]) AS t;
GRANT SELECT, INSERT ON fifo_inventory_points, fifo_inventory_snapshot TO tieout_app;
CREATE TRIGGER rows_end_by_being_superseded BEFORE UPDATE OR DELETE ON fifo_inventory_points
  FOR EACH ROW EXECUTE FUNCTION refuse_unless_superseding();
CREATE TRIGGER rows_end_by_being_superseded BEFORE UPDATE OR DELETE ON fifo_inventory_snapshot
  FOR EACH ROW EXECUTE FUNCTION refuse_unless_superseding();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON fifo_inventory_points
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON fifo_inventory_snapshot
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER rows_come_while_the_batch_is_in_progress AFTER INSERT ON fifo_inventory_points
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_batch_in_progress('batch_id');

GRANT SELECT, DELETE ON fifo_allocations, fifo_inventory_points, fifo_inventory_snapshot TO tieout_superseder;
GRANT INSERT ON fifo_allocations_superseded TO tieout_superseder;
GRANT SELECT, UPDATE (config, config_digest) ON lot_versions TO tieout_superseder;
-- The guard locks the run with the rights of whoever inserts.
GRANT SELECT, UPDATE (status) ON calculation_runs TO tieout_superseder;
GRANT SELECT ON fifo_computation_log TO tieout_superseder;

-- Append-only: the newest row says which version is published.
CREATE TABLE lot_publications (
  tenant_id uuid NOT NULL,
  publication_no integer NOT NULL,
  allocation_version integer NOT NULL,
  -- The computation that stood when the version was published.
  batch_id uuid NOT NULL,
  result_digest text NOT NULL,
  published_at timestamptz NOT NULL,
  published_by text NOT NULL,
  note varchar(1000),
  PRIMARY KEY (tenant_id, publication_no),
  CONSTRAINT publications_belong_to_a_version
    FOREIGN KEY (tenant_id, allocation_version) REFERENCES lot_versions (tenant_id, allocation_version),
  CONSTRAINT publications_belong_to_a_computation
    FOREIGN KEY (tenant_id, batch_id) REFERENCES fifo_computation_log (tenant_id, batch_id),
  CONSTRAINT publications_count_from_one CHECK (publication_no >= 1)
);
SELECT tieout_protect_tenant('lot_publications');
SELECT tieout_append_only('lot_publications');

CREATE TABLE manual_review_queue (
  tenant_id uuid NOT NULL,
  review_id bigint GENERATED ALWAYS AS IDENTITY,
  allocation_version integer NOT NULL,
  -- What the issue is, so that the same one is found again: its code, then what it is about.
  issue_key text NOT NULL,
  code text NOT NULL,
  symbol text COLLATE "C",
  order_id text COLLATE "C",
  account text,
  amount numeric,
  message text NOT NULL,
  detail jsonb NOT NULL DEFAULT '{}',
  severity text NOT NULL,
  status text NOT NULL DEFAULT 'pending',
  -- Whether the last computation found the issue.
  cause_present boolean NOT NULL DEFAULT true,
  assignee text,
  resolution text,
  opened_at timestamptz NOT NULL,
  opened_by_batch uuid NOT NULL,
  updated_at timestamptz NOT NULL,
  closed_at timestamptz,
  CONSTRAINT reviews_have_one_id PRIMARY KEY (tenant_id, review_id),
  CONSTRAINT reviews_are_opened_once UNIQUE (tenant_id, allocation_version, issue_key),
  CONSTRAINT reviews_belong_to_a_version
    FOREIGN KEY (tenant_id, allocation_version) REFERENCES lot_versions (tenant_id, allocation_version),
  CONSTRAINT reviews_have_a_known_severity CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  CONSTRAINT reviews_have_a_known_status CHECK (status IN ('pending', 'in_progress', 'resolved', 'dismissed')),
  CONSTRAINT reviews_in_progress_have_an_assignee CHECK (status <> 'in_progress' OR assignee IS NOT NULL),
  CONSTRAINT closed_reviews_say_how
    CHECK ((status IN ('resolved', 'dismissed')) = (closed_at IS NOT NULL AND resolution IS NOT NULL))
);
CREATE INDEX ix_manual_review_queue_status ON manual_review_queue (tenant_id, allocation_version, status);
SELECT tieout_protect_tenant('manual_review_queue');
GRANT SELECT, INSERT, UPDATE ON manual_review_queue TO tieout_app;

CREATE FUNCTION guard_review() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'manual_review_queue refuses DELETE: a review is resolved or dismissed' USING ERRCODE = '55000';
  END IF;
  IF (NEW.tenant_id, NEW.review_id, NEW.allocation_version, NEW.issue_key, NEW.code, NEW.opened_at, NEW.opened_by_batch)
    IS DISTINCT FROM
     (OLD.tenant_id, OLD.review_id, OLD.allocation_version, OLD.issue_key, OLD.code, OLD.opened_at, OLD.opened_by_batch)
  THEN
    RAISE EXCEPTION 'manual_review_queue refuses UPDATE: what review % is about may not change', OLD.review_id
      USING ERRCODE = '55000';
  END IF;
  IF NEW.status <> OLD.status AND NOT (OLD.status, NEW.status) IN (
    ('pending', 'in_progress'), ('in_progress', 'pending'),
    ('in_progress', 'resolved'), ('in_progress', 'dismissed'),
    -- By itself, when the cause is gone and when it is back.
    ('pending', 'resolved'), ('resolved', 'pending'), ('dismissed', 'pending'))
  THEN
    RAISE EXCEPTION 'manual_review_queue refuses UPDATE: review % is % and cannot become %',
      OLD.review_id, OLD.status, NEW.status USING ERRCODE = '55000';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER reviews_follow_their_states BEFORE UPDATE OR DELETE ON manual_review_queue
  FOR EACH ROW EXECUTE FUNCTION guard_review();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON manual_review_queue
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

CREATE TABLE manual_review_events (
  tenant_id uuid NOT NULL,
  review_id bigint NOT NULL,
  event_no bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  who text NOT NULL,
  event text NOT NULL,
  from_status text,
  to_status text NOT NULL,
  from_severity text,
  to_severity text NOT NULL,
  assignee text,
  note text,
  batch_id uuid,
  PRIMARY KEY (tenant_id, review_id, event_no),
  CONSTRAINT events_belong_to_a_review
    FOREIGN KEY (tenant_id, review_id) REFERENCES manual_review_queue (tenant_id, review_id),
  CONSTRAINT events_are_known CHECK (event IN (
    'opened', 'escalated', 'eased', 'assigned', 'resolved', 'dismissed', 'resolved_by_itself', 'reopened'))
);
SELECT tieout_protect_tenant('manual_review_events');
SELECT tieout_append_only('manual_review_events');

-- Views see what row security lets their reader see. All but v_allocation_health follow the published version.

CREATE VIEW v_published_allocation_version WITH (security_invoker = on) AS
SELECT DISTINCT ON (tenant_id) tenant_id, allocation_version, publication_no, batch_id, published_at, published_by
FROM lot_publications
ORDER BY tenant_id, publication_no DESC;

-- How far each symbol of a version has been computed: its newest point.
CREATE VIEW v_allocation_progress WITH (security_invoker = on) AS
SELECT DISTINCT ON (tenant_id, allocation_version, symbol)
  tenant_id, allocation_version, symbol, point_no, batch_id, through_at, trades_through, allocations, open_lots
FROM fifo_inventory_points
ORDER BY tenant_id, allocation_version, symbol, point_no DESC;

CREATE VIEW v_unmatched_sells WITH (security_invoker = on) AS
SELECT a.allocation_version, a.sell_order_id, a.symbol, a.account, a.strategy, a.sell_executed_at,
  t.size AS sell_size, a.allocated_size AS unmatched_size, a.sell_price, a.proceeds, a.sell_fee, a.net_proceeds
FROM v_published_allocation_version p
JOIN fifo_allocations a USING (tenant_id, allocation_version)
JOIN trade_records t ON t.tenant_id = a.tenant_id AND t.order_id = a.sell_order_id
WHERE a.class = 'unmatched';

CREATE VIEW v_pnl_by_symbol WITH (security_invoker = on) AS
SELECT a.allocation_version, a.symbol,
  count(*) FILTER (WHERE a.class <> 'unmatched') AS allocations,
  count(DISTINCT a.sell_order_id) AS sells,
  sum(a.allocated_size) FILTER (WHERE a.class IN ('matched', 'short')) AS matched_size,
  sum(a.cost_basis) AS cost_basis,
  sum(a.proceeds) FILTER (WHERE a.class <> 'unmatched') AS proceeds,
  sum(a.net_proceeds) FILTER (WHERE a.class <> 'unmatched') AS net_proceeds,
  coalesce(sum(a.pnl), 0) AS pnl,
  coalesce(sum(a.pnl_usd), 0) AS pnl_usd,
  coalesce(sum(a.allocated_size) FILTER (WHERE a.class = 'unmatched'), 0) AS unmatched_size,
  coalesce(sum(a.net_proceeds) FILTER (WHERE a.class = 'unmatched'), 0) AS unmatched_net_proceeds
FROM v_published_allocation_version p
JOIN fifo_allocations a USING (tenant_id, allocation_version)
GROUP BY a.tenant_id, a.allocation_version, a.symbol;

-- What SQL alone can see to be wrong with the published version; `lots validate` proves more.
CREATE VIEW v_allocation_discrepancies WITH (security_invoker = on) AS
WITH published AS (
  SELECT a.* FROM v_published_allocation_version p JOIN fifo_allocations a USING (tenant_id, allocation_version)
), named AS (
  SELECT tenant_id, allocation_version, symbol, sell_order_id AS order_id, 'sell' AS side, sell_price AS price,
    sell_executed_at AS executed_at, sell_executed_ns AS executed_ns FROM published
  UNION
  SELECT tenant_id, allocation_version, symbol, buy_order_id, 'buy', buy_price, buy_executed_at, buy_executed_ns
    FROM published WHERE buy_order_id IS NOT NULL
), effective_sells AS (
  -- A fee in the base asset leaves the account with the sell.
  SELECT t.tenant_id, p.allocation_version, t.symbol, t.order_id, t.size + CASE
      WHEN t.fee_currency = coalesce(v.config -> 'assets' -> t.symbol ->> 'base',
        substring(t.symbol FROM '^([^-/]+)[-/][^-/]+$')) THEN t.fee ELSE 0 END AS size
  FROM v_allocation_progress p
  JOIN v_published_allocation_version USING (tenant_id, allocation_version)
  JOIN lot_versions v USING (tenant_id, allocation_version)
  JOIN trade_records t ON t.tenant_id = p.tenant_id AND t.symbol = p.symbol
    AND t.side = 'sell' AND t.trade_seq <= p.trades_through
  WHERE NOT EXISTS (
    SELECT FROM trade_records r
    WHERE r.tenant_id = t.tenant_id AND r.replaces = t.order_id AND r.trade_seq <= p.trades_through)
), closed AS (
  -- What a sell closes or leaves unmatched is in its own units; what it opened as a short lot comes later.
  SELECT s.tenant_id, s.allocation_version, s.symbol, s.order_id, s.size,
    coalesce(sum(a.allocated_size) FILTER (WHERE a.lot_side IS DISTINCT FROM 'short' AND a.class <> 'dust'), 0) AS used,
    bool_or(a.lot_side = 'short') IS TRUE OR EXISTS (
      SELECT FROM fifo_inventory_snapshot o
      WHERE o.tenant_id = s.tenant_id AND o.allocation_version = s.allocation_version AND o.symbol = s.symbol
        AND o.order_id = s.order_id AND o.side = 'short') AS opened
  FROM effective_sells s
  LEFT JOIN published a ON a.tenant_id = s.tenant_id AND a.sell_order_id = s.order_id
  GROUP BY s.tenant_id, s.allocation_version, s.symbol, s.order_id, s.size
)
SELECT allocation_version, symbol, order_id, 'sell_size' AS discrepancy,
  size::text AS expected, used::text AS found
FROM closed WHERE used > size OR (used < size AND NOT opened)
UNION ALL
SELECT n.allocation_version, n.symbol, n.order_id, 'replaced_trade', 'the trade stands', 'replaced by ' || r.order_id
FROM named n JOIN trade_records r ON r.tenant_id = n.tenant_id AND r.replaces = n.order_id
UNION ALL
SELECT n.allocation_version, n.symbol, n.order_id, 'copy_of_trade',
  concat_ws(' ', t.side, t.symbol, trim_scale(t.price), t.executed_at AT TIME ZONE 'UTC'),
  concat_ws(' ', n.side, n.symbol, trim_scale(n.price), n.executed_at AT TIME ZONE 'UTC')
FROM named n JOIN trade_records t ON t.tenant_id = n.tenant_id AND t.order_id = n.order_id
WHERE (t.side, t.symbol, t.price, t.executed_at, t.executed_ns)
  IS DISTINCT FROM (n.side, n.symbol, n.price, n.executed_at, n.executed_ns)
UNION ALL
SELECT allocation_version, symbol, sell_order_id, 'time_order', 'the lot was opened first',
  concat_ws(' ', lot_side, buy_order_id, buy_executed_at AT TIME ZONE 'UTC', sell_order_id, sell_executed_at AT TIME ZONE 'UTC')
FROM published
WHERE (lot_side = 'long' AND (buy_executed_at, buy_executed_ns) > (sell_executed_at, sell_executed_ns))
  OR (lot_side = 'short' AND (sell_executed_at, sell_executed_ns) > (buy_executed_at, buy_executed_ns));

CREATE VIEW v_allocation_health WITH (security_invoker = on) AS
SELECT v.allocation_version,
  p.allocation_version IS NOT NULL AS published,
  v.config ->> 'method' AS method,
  l.status AS last_status,
  l.finished_at AS last_computed_at,
  l.symbols_failed,
  s.symbols,
  coalesce(a.allocations, 0) AS allocations,
  coalesce(a.matched, 0) AS matched,
  coalesce(a.unmatched, 0) AS unmatched,
  coalesce(a.dust, 0) AS dust,
  coalesce(a.short, 0) AS short,
  coalesce(a.sells, 0) AS sells,
  coalesce(a.unmatched_sells, 0) AS unmatched_sells,
  coalesce(a.total_pnl, 0) AS total_pnl,
  coalesce(a.unmatched_net_proceeds, 0) AS unmatched_net_proceeds,
  s.open_lots,
  q.open_reviews,
  (SELECT count(*) FROM trade_records t
    WHERE t.tenant_id = v.tenant_id AND t.trade_seq > coalesce(n.trades_through, 0)) AS trades_since,
  CASE
    WHEN l.status IS NULL THEN 'not computed'
    WHEN l.status IN ('failed', 'partial') THEN l.status
    WHEN a.unmatched > 0 THEN 'unmatched sells'
    ELSE 'healthy'
  END AS health
FROM lot_versions v
LEFT JOIN v_published_allocation_version p USING (tenant_id, allocation_version)
LEFT JOIN LATERAL (
  SELECT c.status, c.finished_at, c.symbols_failed FROM fifo_computation_log c
  WHERE c.tenant_id = v.tenant_id AND c.allocation_version = v.allocation_version
  ORDER BY c.computation_no DESC LIMIT 1
) l ON true
LEFT JOIN LATERAL (
  SELECT max(c.trades_through) AS trades_through FROM fifo_computation_log c
  WHERE c.tenant_id = v.tenant_id AND c.allocation_version = v.allocation_version
) n ON true
LEFT JOIN LATERAL (
  SELECT count(*) AS symbols, coalesce(sum(g.open_lots), 0) AS open_lots
  FROM v_allocation_progress g
  WHERE g.tenant_id = v.tenant_id AND g.allocation_version = v.allocation_version
) s ON true
LEFT JOIN (
  SELECT tenant_id, allocation_version, count(*) AS allocations,
    count(*) FILTER (WHERE class = 'matched') AS matched,
    count(*) FILTER (WHERE class = 'unmatched') AS unmatched,
    count(*) FILTER (WHERE class = 'dust') AS dust,
    count(*) FILTER (WHERE class = 'short') AS short,
    count(DISTINCT sell_order_id) AS sells,
    count(DISTINCT sell_order_id) FILTER (WHERE class = 'unmatched') AS unmatched_sells,
    sum(pnl) AS total_pnl,
    sum(net_proceeds) FILTER (WHERE class = 'unmatched') AS unmatched_net_proceeds
  FROM fifo_allocations GROUP BY tenant_id, allocation_version
) a USING (tenant_id, allocation_version)
LEFT JOIN LATERAL (
  SELECT count(*) AS open_reviews FROM manual_review_queue m
  WHERE m.tenant_id = v.tenant_id AND m.allocation_version = v.allocation_version
    AND m.status IN ('pending', 'in_progress')
) q ON true;

-- A fact source for roll-ups: what each allocation of the published version earned, on the day that closed it.
CREATE VIEW v_fifo_realized_pnl WITH (security_invoker = on) AS
SELECT a.tenant_id, a.allocation_seq AS fact_seq, NULL::uuid AS import_id, NULL::bigint AS import_line,
  ((CASE WHEN a.lot_side = 'short' THEN a.buy_executed_at ELSE a.sell_executed_at END) AT TIME ZONE 'UTC')::date AS pnl_date,
  a.symbol, a.account, a.strategy,
  -- For a structure of accounts, their strategies and symbols: a driver is one column.
  concat(a.account, '/', a.strategy, '/', a.symbol) AS path,
  a.class, a.sell_order_id, a.buy_order_id, a.allocated_size,
  a.cost_basis, a.proceeds, a.net_proceeds, a.pnl
FROM v_published_allocation_version p
JOIN fifo_allocations a USING (tenant_id, allocation_version);

GRANT SELECT ON v_published_allocation_version, v_allocation_progress, v_unmatched_sells, v_pnl_by_symbol,
  v_allocation_discrepancies, v_allocation_health, v_fifo_realized_pnl TO tieout_app;
