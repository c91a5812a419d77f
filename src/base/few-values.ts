/**
 * One copy of each text of a column with few values: readers make a string for every field, and the garbage collector
 * walks all that are kept. Raises nothing.
 */

/** A column with more values than this is not of few. */
const FEW = 10_000

export class FewValues {
  private readonly known = new Map<string, string>()

  of<T extends string | null>(text: T): T {
    if (text === null) return text
    const known = this.known.get(text)
    if (known !== undefined) return known as T
    if (this.known.size < FEW) this.known.set(text, text)
    return text
  }
}
