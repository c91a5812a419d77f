/**
 * The live schema as text, read from the catalogue: the same for the same schema on PostgreSQL 15 and 18 and
 * PGlite, so that a difference is a difference of the schema. It is the reference page and what doctor
 * compares. Left out is what the versions print differently: not-null constraints, which 18 gives names
 * (columns say NOT NULL), the privilege MAINTAIN of 17, and the queries of views, which 16 qualifies otherwise.
 * Raises nothing of its own.
 */

import type { Session } from './transaction.js'

export async function dumpSchema(session: Session): Promise<string> {
  const lines: string[] = []
  for (const { title, sql } of SECTIONS) {
    const rows = await session.rows<{ line: string }>(`SELECT line FROM (${sql}) s ORDER BY line COLLATE "C"`)
    lines.push(`-- ${title}`, ...rows.map(({ line }) => line), '')
  }
  return lines.join('\n')
}

const PUBLIC = `'public'::regnamespace`

/** Names of columns in the order of the table, which is part of what is compared. */
const COLUMNS = `
SELECT format('%s.%s %s %s%s%s', c.relname, lpad(a.place::text, 3, '0'), quote_ident(a.attname),
    format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
    coalesce(CASE a.attgenerated WHEN '' THEN ' DEFAULT ' ELSE ' GENERATED ' END || pg_get_expr(d.adbin, d.adrelid), '')
  ) AS line
FROM pg_class c
JOIN LATERAL (
  SELECT *, row_number() OVER (ORDER BY attnum) AS place FROM pg_attribute
  WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
) a ON true
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = ${PUBLIC} AND c.relkind IN ('r', 'p', 'v', 'm')`

const RELATIONS = `
SELECT format('%s %s owner %s%s%s%s',
    CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END,
    c.oid::regclass, c.relowner::regrole,
    CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END,
    CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END,
    coalesce(' with (' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o) || ')', '')
  ) AS line
FROM pg_class c WHERE c.relnamespace = ${PUBLIC} AND c.relkind IN ('r', 'p', 'v', 'm')`

const CONSTRAINTS = `
SELECT format('%s.%s %s', conrelid::regclass, quote_ident(conname), pg_get_constraintdef(oid)) AS line
FROM pg_constraint
WHERE connamespace = ${PUBLIC} AND conrelid <> 0 AND contype IN ('c', 'f', 'p', 'u', 'x')`

const INDEXES = `
SELECT pg_get_indexdef(i.indexrelid) AS line
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = ${PUBLIC} AND c.relkind IN ('r', 'p', 'm')`

const TRIGGERS = `
SELECT format('%s%s', pg_get_triggerdef(t.oid),
    CASE t.tgenabled WHEN 'O' THEN '' WHEN 'A' THEN ' ALWAYS' WHEN 'R' THEN ' REPLICA' ELSE ' DISABLED' END
  ) AS line
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = ${PUBLIC} AND NOT t.tgisinternal`

const POLICIES = `
SELECT format('%s.%s %s for %s to %s using (%s) check (%s)', tablename, quote_ident(policyname), permissive, cmd,
    array_to_string(roles, ', '), regexp_replace(coalesce(qual, ''), '\\s+', ' ', 'g'),
    regexp_replace(coalesce(with_check, ''), '\\s+', ' ', 'g')
  ) AS line
FROM pg_policies WHERE schemaname = 'public'`

const FUNCTIONS = `
SELECT format('%s returns %s owner %s language %s %s%s%s%s', p.oid::regprocedure, pg_get_function_result(p.oid),
    p.proowner::regrole, l.lanname,
    CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
    CASE WHEN p.prosecdef THEN ' security definer' ELSE '' END,
    coalesce(' set ' || array_to_string(p.proconfig, ' set '), ''),
    E'\\n' || btrim(CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END, E'\\n')
  ) AS line
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = ${PUBLIC}`

/** What others than the owner may do; the owner may do everything. */
const GRANTS = `
WITH objects AS (
  SELECT format('%s %s', CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, oid::regclass) AS object,
    relowner AS owner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
  FROM pg_class WHERE relnamespace = ${PUBLIC} AND relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL
  SELECT format('column %s.%s', c.oid::regclass, quote_ident(a.attname)), c.relowner, a.attacl
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = ${PUBLIC} AND a.attacl IS NOT NULL AND NOT a.attisdropped
  UNION ALL
  SELECT format('function %s', oid::regprocedure), proowner, coalesce(proacl, acldefault('f', proowner))
  FROM pg_proc WHERE pronamespace = ${PUBLIC}
)
SELECT format('%s to %s: %s', object, CASE g.grantee WHEN 0 THEN 'public' ELSE g.grantee::regrole::text END,
    string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type COLLATE "C")
  ) AS line
FROM objects, LATERAL aclexplode(acl) g
WHERE g.grantee <> owner AND g.privilege_type <> 'MAINTAIN'
GROUP BY object, g.grantee`

const SECTIONS: readonly { readonly title: string; readonly sql: string }[] = [
  { title: 'Tables and views', sql: RELATIONS },
  { title: 'Columns', sql: COLUMNS },
  { title: 'Constraints', sql: CONSTRAINTS },
  { title: 'Indexes', sql: INDEXES },
  { title: 'Triggers', sql: TRIGGERS },
  { title: 'Policies', sql: POLICIES },
  { title: 'Functions', sql: FUNCTIONS },
  { title: 'Grants', sql: GRANTS },
]
