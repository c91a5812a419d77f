export const HEADER: string
export function numbers(seed: number): (below: number) => number
export function shuffled<T>(list: readonly T[], seed: number): T[]
export function facts(): string[]
export function writeInputs(folder: string, rows?: readonly string[]): void
export function writeParquet(folder: string): Promise<void>
