/**
 * How many decimal digits the minor unit of a currency is away from the major one, by ISO 4217, and amounts told in the
 * major unit. Codes that the standard does not list have two, as most do. Raises nothing.
 */

const DIGITS: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
}
const BY_CODE: ReadonlyMap<string, number> = new Map(
  Object.entries(DIGITS).flatMap(([digits, codes]) =>
    codes.split(' ').map((code): [string, number] => [code, Number(digits)]),
  ),
)

export const minorDigits = (currency: string): number => BY_CODE.get(currency) ?? 2

/** `10050` USD → `100.50`, `10050` JPY → `10050`, `-5` KWD → `-0.005`. Exact. */
export function majorAmount(cents: bigint, currency: string): string {
  const digits = minorDigits(currency)
  if (digits === 0) return String(cents)
  const text = String(cents < 0n ? -cents : cents).padStart(digits + 1, '0')
  return `${cents < 0n ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`
}
