/**
 * Every rule of the validator against the tables themselves: somebody with all rights over the database, past guards,
 * keys and checks, changes one thing; `tieout lots validate` exits with 1 and names the rule.
 *
 * @module-tag long
 */

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PROOF_RULES, type ProofRule } from '#tieout/lots/proof'
import { type CliDatabase, cliDatabase, type Folder, makeFolder } from '../support/cli.js'
import { TRADE_HEADER, tradeLine } from '../support/lot-books.js'

let folder: Folder
let database: CliDatabase
const COMPUTE = ['lots', 'compute', '--version', '1', '--all-symbols']
const day = (n: number): string => `2025-01-0${n}T00:00:00Z`
// By FIFO: s1–b1 1.5, s2–b1 0.5, s2–b2 0.5, s3–b2 0.5, s3 unmatched 0.5; b3 stays open. e2–e1 0.995 and dust 0.005.
const TRADES = [
  `b1 BTC-USD buy 2 @ 100 fee 0.1 at ${day(1)}`,
  `b2 BTC-USD buy 1 @ 120 fee 0.3 at ${day(2)}`,
  `s1 BTC-USD sell 1.5 @ 110 fee 0.2 at ${day(3)}`,
  `s2 BTC-USD sell 1 @ 130 at ${day(4)}`,
  `s3 BTC-USD sell 1 @ 90 fee 0.1 at ${day(5)}`,
  `b3 BTC-USD buy 1 @ 95 at ${day(6)}`,
  `e1 ETH-USD buy 1 @ 10 at ${day(1)}`,
  `e2 ETH-USD sell 0.995 @ 11 at ${day(2)}`,
]

const run = async (...args: readonly string[]): Promise<string> => {
  const { exit, stdout, stderr } = await database.run(...args)
  // A slow machine has progress on stderr.
  expect(exit, stderr).toBe(0)
  return stdout
}
/** Past triggers and foreign keys. */
const tamper = (sql: string): Promise<void> =>
  database.maintain((session) =>
    session.script(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`),
  )

beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
  const file = folder.write('trades.csv', [TRADE_HEADER, ...TRADES.map(tradeLine), ''].join('\n'))
  await run('trades', 'import', file)
  await run(...COMPUTE, '--dust', '0.01')
  await tamper(`
    ALTER TABLE fifo_allocations DROP CONSTRAINT net_is_proceeds_less_fee, DROP CONSTRAINT pnl_is_net_less_cost`)
})
afterAll(async () => {
  await database?.drop()
  folder?.remove()
})

const S1 = "WHERE sell_order_id = 's1'"
const COLUMNS = `tenant_id, allocation_version, symbol, batch_id, class, lot_side, sell_order_id, buy_order_id,
  allocated_size, buy_price, sell_price, buy_fee, sell_fee, cost_basis, proceeds, net_proceeds, pnl, buy_executed_at,
  buy_executed_ns, sell_executed_at, sell_executed_ns`

const PLANTED: readonly (readonly [rule: ProofRule, what: string, sql: string])[] = [
  ['ORPHAN', 'a buy that is no trade', `UPDATE fifo_allocations SET buy_order_id = 'b9' ${S1}`],
  ['SIDE', 'a class that does not fit', `UPDATE fifo_allocations SET class = 'short' ${S1}`],
  ['SYMBOL', 'another symbol', `UPDATE fifo_allocations SET symbol = 'ETH-USD', allocation_no = 99 ${S1}`],
  ['COPY', 'another price', `UPDATE fifo_allocations SET sell_price = 111 ${S1}`],
  [
    'DUPLICATE',
    'a row twice',
    `INSERT INTO fifo_allocations (allocation_no, ${COLUMNS}) SELECT 99, ${COLUMNS} FROM fifo_allocations ${S1}`,
  ],
  [
    'TIME_ORDER',
    'a lot of tomorrow',
    `UPDATE fifo_allocations SET buy_order_id = 'b3', buy_price = 95, buy_executed_at = '${day(6)}' ${S1}`,
  ],
  ['ARITHMETIC', 'P&L that is not net less cost', `UPDATE fifo_allocations SET pnl = pnl + 1 ${S1}`],
  [
    'GROSS',
    'cost that is not price × size',
    `UPDATE fifo_allocations SET cost_basis = cost_basis + 1, pnl = pnl - 1 ${S1}`,
  ],
  [
    'MONEY',
    'a fee shared otherwise',
    `UPDATE fifo_allocations SET buy_fee = buy_fee + 0.01, cost_basis = cost_basis + 0.01, pnl = pnl - 0.01 ${S1}`,
  ],
  ['COMPLETENESS', 'a row gone', `DELETE FROM fifo_allocations ${S1}`],
  ['OVERUSED', 'more than was bought', `UPDATE fifo_allocations SET allocated_size = 2.5 ${S1}`],
  [
    'CONSERVATION',
    'an open lot that grew',
    "UPDATE fifo_inventory_snapshot SET remaining_size = 2 WHERE order_id = 'b3'",
  ],
  [
    'ORDER',
    'a younger lot first',
    `UPDATE fifo_allocations SET buy_order_id = 'b2', buy_price = 120, buy_executed_at = '${day(2)}' ${S1}`,
  ],
  ['POOL', 'a lot in an account it never was in', `UPDATE fifo_allocations SET lot_account = 'X' ${S1}`],
  [
    'DUST',
    'dust over the threshold',
    "UPDATE fifo_allocations SET allocated_size = 0.02 WHERE class = 'dust'",
  ],
  ['FACTS_CHANGED', 'a trade changed', "UPDATE trade_records SET price = 101 WHERE order_id = 'b1'"],
  [
    'DETERMINISM',
    'another result in the log',
    "UPDATE fifo_computation_log SET result_digest = 'sha256:0' WHERE allocation_version = 1",
  ],
]

// By force every row is written anew, so that the next change is alone again.
afterEach(async () => {
  await tamper("UPDATE trade_records SET price = 100 WHERE order_id = 'b1'")
  await run(...COMPUTE, '--force')
  expect(await run('lots', 'validate', '--version', '1')).toContain('17 rules hold')
})

test('every rule is tried', () => {
  expect(PLANTED.map(([rule]) => rule)).toEqual(Object.keys(PROOF_RULES))
})

test.each(PLANTED)('%s: %s', async (rule, _, sql) => {
  await tamper(sql)
  const { exit, stdout } = await database.run('lots', 'validate', '--version', '1')
  expect(exit).toBe(1)
  expect(stdout).toMatch(new RegExp(`\\b${rule}\\b`))
  const json = await database.run('lots', 'validate', '--version', '1', '--json')
  expect(json.exit).toBe(1)
  const broken = JSON.parse(json.stdout).rules.filter(
    ({ violations }: { violations: number }) => violations > 0,
  )
  expect(broken.map((one: { rule: string }) => one.rule)).toContain(rule)
})
