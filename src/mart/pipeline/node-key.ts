/** The key of a node's rows: MD5 of its identity, as the pipeline itself computes it from the tables. Raises nothing. */

import { hash } from 'node:crypto'

export const nodeKeyOf = (identity: string): string => hash('md5', identity, 'hex')
