import type { Standing } from './standing.ts'

const COLUMNS = ['recorded', 'delivered', 'held', 'lost', 'resent', 'doubled'] as const
const TITLES: Record<(typeof COLUMNS)[number], string> = {
  recorded: 'recorded',
  delivered: 'delivered',
  held: 'held',
  lost: 'lost',
  resent: 'resent (identical)',
  doubled: 'doubled',
}

export function whole(value: number): string {
  return value.toLocaleString('en-US')
}

/** One row for each pipeline, numbers in measurements. */
export function tableOf(rows: Readonly<Record<string, Standing>>): string[] {
  const firstColumn = ['in measurements', ...Object.keys(rows)]
  const width = Math.max(...firstColumn.map((cell) => cell.length))
  const line = (first: string, cells: readonly string[]): string =>
    `  ${first.padEnd(width)}  ${cells.map((cell, i) => cell.padStart(Math.max(9, TITLES[COLUMNS[i]!].length))).join('  ')}`
  const head = line(
    'in measurements',
    COLUMNS.map((column) => TITLES[column]),
  )
  return [
    head,
    `  ${'-'.repeat(head.length - 2)}`,
    ...Object.entries(rows).map(([name, standing]) =>
      line(
        name,
        COLUMNS.map((column) => whole(standing[column])),
      ),
    ),
  ]
}
