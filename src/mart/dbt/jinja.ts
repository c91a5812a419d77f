/** Text for files that dbt renders: what Jinja would take for its own stands in a string of it. Raises nothing. */

import type { PlanDialect } from '../../engines/plan/dialects.js'

/** The same text after rendering. Jinja turns line ends into \n, so a carriage return is written as an expression. */
export const jinjaText = (text: string): string =>
  text.replaceAll(/\{(?=[{%#])|\r/g, (found) => (found === '{' ? "{{ '{' }}" : "{{ '\\r' }}"))

/** A string inside an expression. */
export const jinjaString = (text: string): string => JSON.stringify(text)

export const jinjaDialect = (dialect: PlanDialect): PlanDialect => ({
  ...dialect,
  identifier: (name) => jinjaText(dialect.identifier(name)),
  text: (value) => jinjaText(dialect.text(value)),
})

/** Lower case letters, digits and underscores, as names of projects and models are. */
export function slug(text: string): string {
  const plain = text.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')
  return /^[a-z_]/.test(plain) ? plain : `_${plain}`
}
