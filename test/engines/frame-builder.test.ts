import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CopyTextReader } from '#tieout/engines/copy-reader'
import { amountIndex, BLOCK_ROWS, codedIndex, type Frame, frameBytes } from '#tieout/engines/frame'
import { FrameBuilder } from '#tieout/engines/frame-builder'
import { frameOf, rowsOf, text, unitsOf } from '../support/frames.js'
import { refusalOf, said } from '../support/refusals.js'

const CODED = [text('book'), text('note')]

/** The stream in the chunks given. */
function read(chunks: readonly Uint8Array[]): Frame {
  const builder = new FrameBuilder('fact_rb', CODED, ['daily'])
  const reader = new CopyTextReader(builder)
  for (const chunk of chunks) reader.push(chunk)
  reader.end()
  return builder.finish()
}

describe('a COPY stream', () => {
  const STREAM = Buffer.from(
    [
      'B1\ttab\\there\t1.50',
      '\\N\t\\N\t\\N',
      'Zürich 🦄\tback\\\\slash\\nline\\r\\b\\f\\v\t-3',
      '\t\\\\N\t.25',
      '',
    ].join('\n'),
  )
  const ROWS = [
    ['B1', 'tab\there', '150'],
    [null, null, '0'],
    ['Zürich 🦄', 'back\\slash\nline\r\b\f\v', '-300'],
    ['', '\\N', '25'],
  ]

  test('escapes and nulls', () => {
    const frame = read([STREAM])
    expect(rowsOf(frame)).toEqual(ROWS)
    expect(frame.amounts).toEqual([{ name: 'daily', scale: 2, range: 'exact' }])
  })

  test('cut in two at every byte, and into single bytes, it is the same frame', () => {
    // Blocks are longer than their rows, so the rows are compared and not the blocks.
    const shown = (frame: Frame) => ({ coded: frame.coded, digest: frame.digest, rows: rowsOf(frame) })
    const whole = shown(read([STREAM]))
    for (let at = 0; at <= STREAM.length; at++)
      expect(shown(read([STREAM.subarray(0, at), STREAM.subarray(at)]))).toEqual(whole)
    expect(shown(read([...STREAM].map((byte) => Uint8Array.of(byte))))).toEqual(whole)
  })

  test('no rows', () => {
    expect(read([])).toMatchObject({ rows: 0, blocks: [] })
  })

  test('an end in the middle of a row is a bug of the sender', () => {
    expect(() => read([Buffer.from('B1\tx\t1')])).toThrow('middle of a row')
  })

  test.each(['NaN', 'Infinity', '-Infinity', '1e5', '1,5', '', '-', '.', '1.2.3', ' 1', 'abc'])(
    'the amount %j is refused',
    async (amount) => {
      const problems = await refusalOf(() => read([Buffer.from(`B1\tx\t${amount}\n`)]))
      expect(problems.map(said)).toEqual([
        `TIE-2402 Column "daily" of fact_rb holds "${amount}", which is no finite decimal number.`,
      ])
    },
  )
})

const amountsOf = (values: readonly (string | null)[]): Frame =>
  frameOf(
    values.map((a) => ({ a })),
    [],
    ['a'],
  )

const BOUND = 9007199254740991n // 2^53 − 1

describe('units of an amount column', () => {
  test.each<[string, (string | null)[], number, 'exact' | 'big', bigint[]]>([
    ['the widest scale', ['1', '0.5', '-2.25'], 2, 'exact', [100n, 50n, -225n]],
    [
      'a scale that grows in mid-file',
      ['7', '-7', null, '0.001', '1.5'],
      3,
      'exact',
      [7000n, -7000n, 0n, 1n, 1500n],
    ],
    ['trailing zeros widen it too', ['1.50', '2'], 2, 'exact', [150n, 200n]],
    ['signs', ['+1', '-1', '-0', '-0.0', '+0'], 1, 'exact', [10n, -10n, 0n, 0n, 0n]],
    ['the bound itself', [`${BOUND}`], 0, 'exact', [BOUND]],
    ['one beyond', [`${BOUND + 1n}`], 0, 'big', [BOUND + 1n]],
    ['a sum of sizes at the bound', ['9007199254740000', '-991'], 0, 'exact', [9007199254740000n, -991n]],
    ['a sum of sizes one beyond', ['9007199254740000', '-992'], 0, 'big', [9007199254740000n, -992n]],
    // 90071992547409.91 = 2^53 − 1 cents
    ['the bound in cents', ['90071992547409.91'], 2, 'exact', [BOUND]],
    ['one cent beyond', ['90071992547409.91', '0.01'], 2, 'big', [BOUND, 1n]],
    // 10^15 tenths are exact; as hundredths of a thousandth they are not
    ['growth past the bound', ['1000000000000', '0.0001', '0.00001'], 5, 'big', [10n ** 17n, 10n, 1n]],
    [
      '38 digits',
      ['12345678901234567890123456789012345678', '-1.5'],
      1,
      'big',
      [123456789012345678901234567890123456780n, -15n],
    ],
    ['growth after the bound', ['9007199254740993', '0.25', '1'], 2, 'big', [900719925474099300n, 25n, 100n]],
    [
      'digits that are zeros stay exact',
      ['0000000000000000000000001', '1.0000000000000000'],
      16,
      'big',
      [10n ** 16n, 10n ** 16n],
    ],
  ])('%s', (_, values, scale, range, units) => {
    const frame = amountsOf(values)
    expect(frame.amounts).toEqual([{ name: 'a', scale, range }])
    expect(unitsOf(frame)).toEqual(units)
  })

  test('a negative zero does not exist', () => {
    const frame = amountsOf(['-0', '-0.00', '0', '-00000000000000000000', '1.5', '-1.5'])
    const units = [...(frame.blocks[0]!.amounts[0] as Float64Array)]
    expect(units.some((value) => Object.is(value, -0))).toBe(false)
  })

  test('sums on both sides of the bound are exact', () => {
    const near = fc.bigInt({ min: -(BOUND / 2n) - 3n, max: BOUND / 2n + 3n })
    const amount = fc
      .tuple(
        fc.oneof(
          fc.bigInt({ min: -1000n, max: 1000n }),
          near,
          fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }),
        ),
        fc.nat(6),
      )
      .map(([units, scale]) => ({ units, scale }))
    const print = ({ units, scale }: { units: bigint; scale: number }): string => {
      const digits = `${units < 0n ? -units : units}`.padStart(scale + 1, '0')
      const point = digits.length - scale
      return `${units < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : '.'}${digits.slice(point)}`
    }
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 8 }), (list) => {
        const frame = amountsOf(list.map(print))
        const scale = Math.max(0, ...list.map((a) => a.scale))
        const units = list.map((a) => a.units * 10n ** BigInt(scale - a.scale))
        expect(unitsOf(frame)).toEqual(units)
        expect(frame.amounts[0]!.scale).toBe(scale)
        const magnitude = units.reduce((sum, u) => sum + (u < 0n ? -u : u), 0n)
        if (magnitude > BOUND) expect(frame.amounts[0]!.range).toBe('big')
        if (frame.amounts[0]!.range === 'exact') {
          // What the promise is for: any sum of doubles is the sum of the numbers.
          const sum =
            (frame.blocks[0]?.amounts[0] as Float64Array | undefined)?.reduce((s, u) => s + u, 0) ?? 0
          expect(BigInt(sum)).toBe(units.reduce((s, u) => s + u, 0n))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('a plain zero in a column of 400 decimal places is zero', () => {
    const frame = amountsOf([`0.${'0'.repeat(300)}`, `0.${'0'.repeat(400)}`, '0'])
    expect(frame.blocks[0]!.amounts[0]![2]).toBe(0)
  })
})

test('a frame of more than one block', () => {
  const rows = BLOCK_ROWS + 3
  const frame = frameOf(
    Array.from({ length: rows }, (_, i) => ({ book: `B${i % 7}`, a: i === BLOCK_ROWS + 1 ? '0.5' : '1' })),
    [text('book')],
    ['a'],
  )
  expect(frame.blocks.map((block) => block.rows)).toEqual([BLOCK_ROWS, 3])
  expect(frame.rows).toBe(rows)
  // 65538 × 1 + 0.5, in tenths
  expect(unitsOf(frame).reduce((sum, u) => sum + u, 0n)).toBe(655_385n)
  // a code of 4 and an amount of 8 bytes a row; 7 books and the null
  expect(frameBytes(frame)).toBe(rows * 12 + 8 * 16)
})

test('asking for a column that was not read is a bug of the caller', () => {
  const frame = amountsOf(['1'])
  expect(amountIndex(frame, 'a')).toBe(0)
  expect(() => amountIndex(frame, 'b')).toThrow('without the amounts of b')
  expect(() => codedIndex(frame, 'a')).toThrow('without the column a')
})
