/** Where books are, as a flag or a setting says it: a directory or a URL. Raises nothing. */

const AUTHORITY = /^(\w[\w+.-]*:\/\/[^:@/?#]*:)([^@]*)@/
const QUERY_PASSWORD = /([?&]password=)[^&#]*/i

export const isServer = (db: string): boolean => /^postgres(?:ql)?:\/\//i.test(db)

/** For messages: a URL without its password, wherever in it that stands; a directory as it is. */
export const withoutPassword = (db: string): string =>
  db.replace(AUTHORITY, '$1***@').replace(QUERY_PASSWORD, '$1***')

/** The password of a URL; the empty text where it has none. */
export function passwordOf(url: string): string {
  const raw = AUTHORITY.exec(url)?.[2] ?? ''
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
