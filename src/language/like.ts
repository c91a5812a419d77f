/**
 * `like` without regular expressions, which a hostile pattern could make exponential: two pointers that
 * fall back to the last `%`, at worst length of text × length of pattern. `_` is one character (code
 * point), as in PostgreSQL. Case counts. Raises nothing.
 */

type Piece = { readonly any: 'many' | 'one' } | { readonly character: string }

const MANY: Piece = { any: 'many' }
const ONE: Piece = { any: 'one' }

export function compileLike(pattern: string): (text: string) => boolean {
  const pieces = piecesOf(pattern)
  return (text) => matches([...text], pieces)
}

function piecesOf(pattern: string): Piece[] {
  const characters = [...pattern]
  const pieces: Piece[] = []
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    if (character === '%') {
      if (pieces.at(-1) !== MANY) pieces.push(MANY)
    } else if (character === '_') pieces.push(ONE)
    else if (character === '\\' && i + 1 < characters.length) pieces.push({ character: characters[++i]! })
    else pieces.push({ character })
  }
  return pieces
}

function matches(text: readonly string[], pieces: readonly Piece[]): boolean {
  let t = 0
  let p = 0
  // The last % and the text it has taken so far ends before `resume`.
  let last = -1
  let resume = 0
  while (t < text.length) {
    const piece = pieces[p]
    if (piece === MANY) {
      last = p
      resume = t
      p += 1
    } else if (
      piece !== undefined &&
      (piece === ONE || ('character' in piece && piece.character === text[t]))
    ) {
      t += 1
      p += 1
    } else if (last >= 0) {
      resume += 1
      t = resume
      p = last + 1
    } else return false
  }
  while (pieces[p] === MANY) p += 1
  return p === pieces.length
}
