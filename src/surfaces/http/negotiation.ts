/** What a request accepts (RFC 9110, 12.5.1), and whether it has what would be sent already (13.1). Raises nothing. */

/** Whether the media type may be sent; everything may when the header is not there. */
export function accepts(header: string | undefined, mediaType: string): boolean {
  if (header === undefined || header.trim() === '') return true
  const [type] = mediaType.split('/')
  // The most specific range that fits decides; q=0 says no.
  const ranges = header.split(',').map((range) => {
    const [name = '', ...params] = range.split(';').map((part) => part.trim().toLowerCase())
    const q = params.find((param) => param.startsWith('q='))
    return { name, refused: q !== undefined && Number(q.slice(2)) === 0 }
  })
  for (const wanted of [mediaType, `${type}/*`, '*/*']) {
    const found = ranges.find(({ name }) => name === wanted)
    if (found !== undefined) return !found.refused
  }
  return false
}

/** If-None-Match: whether one of the listed tags, weak or strong, is this one. */
export function hasAlready(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
